"""Why a submission is not taken, in the words in which CMS says it (CMS ContestWebServer API, 2.12).

This module must not know what was handed in, nor how an answer is sent.
"""

from typing import Literal

Subject = Literal[
    "Submission too big!",
    "Invalid archive format!",
    "Invalid submission format!",
    "Submission storage failed!",
]
"""What scripts look at; that there are too many, or too soon, is for the command to say (submission_limits)."""

TOO_BIG: Subject = "Submission too big!"
INVALID_ARCHIVE: Subject = "Invalid archive format!"
INVALID_FORMAT: Subject = "Invalid submission format!"
STORAGE_FAILED: Subject = "Submission storage failed!"


class Unacceptable(Exception):
    """A submission that is not taken: `subject` is one of the above, `details` one sentence for whoever made it."""

    def __init__(self, subject: Subject, details: str) -> None:
        super().__init__(f"{subject} {details}")
        self.subject = subject
        self.details = details


def sentence(reason: str) -> str:
    """What another part of the product says as half a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}."
