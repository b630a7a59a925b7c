"""All platforms on loopback until interrupted, for trials by hand: `python -m tests.platform_servers [CONTESTS]`.

Prints the environment with which a server asks them. This module must not know who asks.
"""

import asyncio
import sys
import time

from tests.platform_servers.generated import codeforces_handle
from tests.platform_servers.platforms import platform_servers
from tests.platform_servers.results import codeforces_results


async def main(contests: int) -> None:
    """Serve; one handle (`sample`) and the results of one contest (1234) are known."""
    now_s = int(time.time())
    async with platform_servers(contests, now_s) as servers:
        servers.codeforces.add_handle(codeforces_handle("sample", now_s=now_s))
        servers.codeforces.results[1234] = codeforces_results(1234, now_s=now_s)
        for name, value in servers.environment().items():
            print(f"export {name}={value}", flush=True)  # noqa: T201 - this is what it is started for
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
    except KeyboardInterrupt:
        sys.exit(0)
