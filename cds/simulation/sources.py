"""The documents of a simulated contest: problem statements as PDF, and sources of submissions in zip archives.

All bytes follow from the arguments; archives are stored uncompressed with one fixed date, for the same reason as
images. This module must not know teams or verdicts.
"""

from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

VARIANTS = 6
"""Different sources for one problem in one language; many submissions share them, as identical files do anywhere."""

ARCHIVE_DATE = (2000, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3

_TEMPLATES: dict[str, str] = {
    "c": """/* {problem}, attempt {variant} */
#include <stdio.h>

int main(void) {{
    long long n, total = 0, value;
    if (scanf("%lld", &n) != 1) return 0;
    for (long long i = 0; i < n; i++) {{
        if (scanf("%lld", &value) != 1) return 0;
        total += (value * {factor}) % {modulus}LL;
    }}
    printf("%lld\\n", total);
    return 0;
}}
""",
    "cpp": """// {problem}, attempt {variant}
#include <bits/stdc++.h>
using namespace std;

int main() {{
    int n;
    cin >> n;
    vector<long long> values(n);
    for (auto& value : values) cin >> value;
    sort(values.begin(), values.end());
    long long total = 0;
    for (auto value : values) total = (total * {factor} + value) % {modulus}LL;
    cout << total << endl;
}}
""",
    "java": """// {problem}, attempt {variant}
import java.util.Scanner;

public class Main {{
    public static void main(String[] arguments) {{
        Scanner input = new Scanner(System.in);
        int n = input.nextInt();
        long total = 0;
        for (int i = 0; i < n; i++) total = (total * {factor} + input.nextLong()) % {modulus}L;
        System.out.println(total);
    }}
}}
""",
    "kotlin": """// {problem}, attempt {variant}
fun main() {{
    val n = readln().trim().toInt()
    val values = readln().trim().split(" ").map {{ it.toLong() }}
    println(values.take(n).fold(0L) {{ total, value -> (total * {factor} + value) % {modulus}L }})
}}
""",
    "python3": """# {problem}, attempt {variant}
n = int(input())
total = 0
for value in map(int, input().split()):
    total = (total * {factor} + value) % {modulus}
print(total)
""",
}


def source_archive(language_id: str, source_name: str, problem_name: str, variant: int) -> bytes:
    """A zip archive with one plausible source at its root (JSON Format, "Submissions", files)."""
    source = _TEMPLATES[language_id].format(
        problem=problem_name, variant=variant + 1, factor=2 + variant, modulus=1_000_000_007 + 2 * variant
    )
    target = BytesIO()
    with ZipFile(target, "w", ZIP_STORED) as archive:
        entry = ZipInfo(source_name, ARCHIVE_DATE)
        entry.create_system = _UNIX
        entry.external_attr = _REGULAR_FILE
        archive.writestr(entry, source.encode())
    return target.getvalue()


def statement_pdf(label: str, problem_name: str, time_limit_s: float) -> bytes:
    """A valid one-page PDF with the title of a problem, its limit and a story of three lines."""
    lines = (
        (24, f"Problem {label}: {problem_name}"),
        (12, f"Time limit: {time_limit_s:g} seconds"),
        (12, "You are given n numbers. Combine them in the order that the title suggests,"),
        (12, "and print what remains. The input holds n and then the numbers, all of them integers;"),
        (12, "the output is one integer."),
    )
    content = "BT 72 760 Td " + " ".join(f"/F1 {size} Tf ({_escaped(text)}) Tj 0 -30 Td" for size, text in lines)
    stream = (content + " ET").encode("latin-1")
    return _pdf_of(
        (
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Font << /F1 5 0 R >> >>",
        )
    )


def _pdf_of(objects: tuple[bytes, ...]) -> bytes:
    document = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        document += b"%010d 00000 n \n" % offset
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(document)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
