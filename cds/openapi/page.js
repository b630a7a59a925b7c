"use strict";
(() => {
  const field = document.querySelector("nav input");
  const operations = [...document.querySelectorAll("details.operation")];
  const links = new Map([...document.querySelectorAll("nav li")].map((item) => [item.dataset.of, item]));

  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const operation of operations) {
      const hidden = !words.every((word) => operation.dataset.words.includes(word));
      operation.hidden = hidden;
      links.get(operation.id).hidden = hidden;
    }
    for (const group of document.querySelectorAll("section.tag, nav div")) {
      group.hidden = words.length > 0 && !group.querySelector("details:not([hidden]), li:not([hidden])");
    }
  };

  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  };

  field.parentElement.hidden = false;
  field.addEventListener("input", show);
  addEventListener("hashchange", open);
  open();
})();
