"""The (query, document) pairs the golden values are computed for.

Called by generate.py, which scores them, and by tiny_model.py, which takes the
tiny model's vocabulary from their words. Every pair is `Pair(name, query,
document, max_length)`; names are unique within a list. Characters that cannot
be seen are written as escapes. The five pairs of the default model's card are
in card_pairs.json.
"""

import json
from pathlib import Path
from typing import NamedTuple

FULL = 512


class Pair(NamedTuple):
    name: str
    query: str
    document: str
    max_length: int = FULL


# --- documentation: a question, a passage that answers it, one that does not ---

DOC_RETRY = """## Retries

Requests that fail with a network error are sent again up to `maxRetries` times
(default 3). The wait doubles after each attempt and starts at 200 ms. Set
`maxRetries: 0` to turn retries off. A response with status 4xx is never retried."""

DOC_INSTALL = """# Installation

You need Node 20 or newer. Run `npm install widgetry` in your project, then add
the plugin to the list in `widgetry.config.js`. On Windows, long paths have to be
enabled first."""

DOC_CACHE = """The cache keeps at most `maxEntries` results. When it is full, the entry that was
used longest ago is dropped. Call `cache.clear()` to empty it, or pass
`{ cache: false }` to skip it for one call."""

DOC_AUTH = """### Signing in with a token

Create a token under Settings -> Access. Send it in the `Authorization: Bearer`
header. Tokens expire after 90 days; the server then answers 401 and the client
raises `TokenExpiredError`."""

DOC_MIGRATE = """Migrating from 2.x to 3.0: the option `timeout` is now in milliseconds, `connect()`
returns a promise, and the callback form was removed. Rename `onFail` to `onError`."""

DOC_LOGS = """Logs are written to standard error. Set LOG_LEVEL to debug, info, warn or error. With
LOG_FORMAT=json each line is one JSON object with the fields time, level and msg."""

DOCS = [
    Pair("docs-retry-relevant", "How many times is a failed request retried?", DOC_RETRY),
    Pair("docs-retry-irrelevant", "How many times is a failed request retried?", DOC_INSTALL),
    Pair("docs-install-relevant", "which node version do I need to install it", DOC_INSTALL),
    Pair("docs-install-irrelevant", "which node version do I need to install it", DOC_CACHE),
    Pair("docs-cache-relevant", "How do I empty the cache?", DOC_CACHE),
    Pair("docs-cache-irrelevant", "How do I empty the cache?", DOC_AUTH),
    Pair("docs-auth-relevant", "why do I get 401 after three months", DOC_AUTH),
    Pair("docs-auth-irrelevant", "why do I get 401 after three months", DOC_LOGS),
    Pair("docs-migrate-relevant", "What changed for timeout in version 3?", DOC_MIGRATE),
    Pair("docs-migrate-irrelevant", "What changed for timeout in version 3?", DOC_LOGS),
    Pair("docs-logs-relevant", "how to get json logs", DOC_LOGS),
    Pair("docs-logs-irrelevant", "how to get json logs", DOC_MIGRATE),
]

# --- code chunks in several languages ---

CODE_PYTHON = '''def load_settings(path: Path) -> dict[str, str]:
    """Read KEY=value lines, skipping comments and blank lines."""
    settings = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, found, value = line.partition("=")
        if not found:
            raise ValueError(f"{path}:{number}: no '=' in {line!r}")
        settings[key.strip()] = value.strip()
    return settings'''

CODE_RUST = """impl<T: Ord> BoundedHeap<T> {
    /// Keeps the `cap` smallest items that were ever pushed.
    pub fn push(&mut self, item: T) -> Option<T> {
        if self.heap.len() < self.cap {
            self.heap.push(item);
            return None;
        }
        match self.heap.peek() {
            Some(top) if *top > item => {
                self.heap.push(item);
                self.heap.pop()
            }
            _ => Some(item),
        }
    }
}"""

CODE_TYPESCRIPT = """export async function fetchWithTimeout(url: string, ms = 5_000): Promise<Response> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  try {
    return await fetch(url, { signal: controller.signal });
  } finally {
    clearTimeout(timer);
  }
}"""

CODE_GO = """func (s *Store) Get(ctx context.Context, id int64) (*User, error) {
\trow := s.db.QueryRowContext(ctx, `SELECT id, name FROM users WHERE id = $1`, id)
\tvar u User
\tif err := row.Scan(&u.ID, &u.Name); err == sql.ErrNoRows {
\t\treturn nil, ErrNotFound
\t} else if err != nil {
\t\treturn nil, fmt.Errorf("get user %d: %w", id, err)
\t}
\treturn &u, nil
}"""

CODE_C = """static size_t ring_write(struct ring *r, const uint8_t *src, size_t n)
{
    size_t room = r->size - (r->head - r->tail);
    if (n > room) n = room;
    for (size_t i = 0; i < n; i++)
        r->buf[(r->head + i) & (r->size - 1)] = src[i];
    r->head += n;
    return n;
}"""

CODE_SQL = """SELECT c.name, COUNT(*) AS orders, SUM(o.total) AS revenue
FROM customers AS c
LEFT JOIN orders AS o ON o.customer_id = c.id AND o.paid_at IS NOT NULL
GROUP BY c.id, c.name
HAVING SUM(o.total) > 1000
ORDER BY revenue DESC
LIMIT 10;"""

CODE_SHELL = """#!/usr/bin/env bash
set -euo pipefail
for f in "$@"; do
  [[ -f "$f" ]] || { echo "skip: $f" >&2; continue; }
  tar -czf "${f%.log}.tar.gz" --remove-files "$f"
done"""

CODE_JAVA = """@Override
public int compareTo(Version other) {
    int byMajor = Integer.compare(major, other.major);
    return byMajor != 0 ? byMajor : Integer.compare(minor, other.minor);
}"""

CODE_CSS = """.card:hover > .title::after{content:"\\2192";margin-left:.25rem;color:var(--accent,#0a7)}
@media (max-width:600px){.card{grid-template-columns:1fr}}"""

CODE_YAML = """services:
  web:
    image: "registry.example.org/web:1.4.2"
    ports: ["8080:80"]
    environment:
      - DB_HOST=db
    depends_on: [db]"""

CODE_HTML = """<form method="post" action="/login"><label>Name <input name="user" required></label>
<!-- TODO: csrf --><button type="submit">Sign&nbsp;in</button></form>"""

CODE_DIFF = """--- a/src/lib.rs
+++ b/src/lib.rs
@@ -10,3 +10,4 @@
-    let n = v.len() as u32;
+    let n = u32::try_from(v.len())?;
+    debug_assert!(n > 0);"""

CODE = [
    Pair("code-python-relevant", "parse a file of KEY=value settings", CODE_PYTHON),
    Pair("code-python-irrelevant", "parse a file of KEY=value settings", CODE_C),
    Pair("code-rust-relevant", "keep the n smallest items in a heap", CODE_RUST),
    Pair("code-rust-irrelevant", "keep the n smallest items in a heap", CODE_JAVA),
    Pair("code-typescript-relevant", "abort a fetch after a timeout", CODE_TYPESCRIPT),
    Pair("code-typescript-irrelevant", "abort a fetch after a timeout", CODE_SHELL),
    Pair("code-go-relevant", "where is the user read from the database?", CODE_GO),
    Pair("code-go-irrelevant", "where is the user read from the database?", CODE_CSS),
    Pair("code-c-relevant", "write bytes into a ring buffer", CODE_C),
    Pair("code-c-irrelevant", "write bytes into a ring buffer", CODE_SQL),
    Pair("code-sql-relevant", "top customers by revenue", CODE_SQL),
    Pair("code-sql-irrelevant", "top customers by revenue", CODE_RUST),
    Pair("code-shell-relevant", "compress log files and remove the originals", CODE_SHELL),
    Pair("code-java-relevant", "compare two versions", CODE_JAVA),
    Pair("code-css-minified", "arrow after the card title on hover", CODE_CSS),
    Pair("code-yaml", "which port does the web service listen on", CODE_YAML),
    Pair("code-html-entities", "login form", CODE_HTML),
    Pair("code-diff", "what did the patch change in lib.rs?", CODE_DIFF),
    Pair("code-as-query", "TypeError: Cannot read properties of undefined (reading 'signal')", CODE_TYPESCRIPT),
]

# --- lengths: letters(n) is n tokens in any BERT vocabulary ---


def letters(count: int, first: int = 0) -> str:
    return " ".join(chr(ord("a") + (first + i) % 26) for i in range(count))


def manual(sections: int) -> str:
    """Prose of about 45 tokens a section; no two sections are the same."""
    parts = ["the pump", "the valve", "the sensor", "the heater", "the filter"]
    return "\n\n".join(
        f"{n}. Check {parts[n % 5]} after {7 * n + 3} hours. If the value is above {n * n} units, "
        f"open {parts[(n + 2) % 5]}, wait {n % 9 + 1} minutes and write the result to table {n}."
        for n in range(1, sections + 1)
    )


def stack_trace(frames: int) -> str:
    return "RuntimeError: queue closed\n" + "\n".join(
        f'  File "app/stage_{n}.py", line {13 * n + 5}, in run_stage_{n}' for n in range(frames)
    )


# (tokens of the query, tokens of the document, max_length); three more are [CLS] and two [SEP].
COUNTED = [
    (9, 500, 512),
    (9, 501, 512),
    (500, 9, 512),
    (500, 10, 512),
    (254, 255, 512),
    (255, 255, 512),
    (256, 254, 512),
    (254, 256, 512),
    (300, 300, 512),
    (300, 400, 512),
    (400, 300, 512),
    (600, 1, 512),
    (600, 0, 512),
    (0, 600, 512),
    (31, 31, 64),
    (30, 40, 64),
    (40, 30, 64),
    (62, 62, 127),
    (63, 63, 127),
    (40, 90, 128),
    (31, 31, 65),
    (32, 32, 65),
    (7, 7, 17),
    (8, 7, 17),
    (7, 8, 17),
    (20, 21, 17),
    (10, 10, 16),
    (6, 8, 16),
    (8, 6, 16),
    (1, 1, 5),
    (2, 1, 5),
    (1, 2, 5),
    (5, 5, 5),
    (0, 5, 5),
    (5, 0, 5),
]

LENGTHS = [Pair(f"counted-{q}-{d}-max-{n}", letters(q), letters(d, first=7), n) for q, d, n in COUNTED] + [
    Pair("medium-document", "How many minutes do I wait for the sensor?", manual(5)),
    Pair("medium-code", "remove the oldest files", "\n\n".join([CODE_GO, CODE_SHELL, CODE_YAML])),
    Pair("medium-both", stack_trace(8), manual(4)),
    Pair("long-document", "When do I have to check the heater?", manual(16)),
    Pair("long-document-very", "When do I have to check the filter?", manual(160)),
    Pair("long-query", stack_trace(40), "A queue that is closed raises RuntimeError on put."),
    Pair("long-both", stack_trace(30), manual(12)),
    Pair("long-document-max-128", "How long do I wait before I open the valve?", manual(6), 128),
    Pair("long-query-max-64", stack_trace(6), DOC_CACHE, 64),
    Pair("long-both-max-16", "Where is the sensor table written?", manual(2), 16),
    Pair("code-max-64", "parse a file of KEY=value settings", CODE_PYTHON, 64),
]

# --- edges of Unicode and of the tokenizer ---

ZWJ = "\u200d"
FAMILY = f"\U0001f468{ZWJ}\U0001f469{ZWJ}\U0001f467{ZWJ}\U0001f466"
FLAG_DE_JP = "\U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5"

EDGES = [
    Pair("empty-query", "", "A document without a question."),
    Pair("empty-document", "Is there a document?", ""),
    Pair("empty-both", "", ""),
    Pair("blank-query", " \t\n ", "A document with a blank question."),
    Pair("blank-document", "blank?", "\u00a0\u2003\u3000\r\n\t"),
    Pair("blank-both", "   ", "\n\n"),
    Pair("blank-around", "  \t padded query \n", "\r\n\r\n  padded document  \u00a0"),
    Pair("same-text", "the same text twice", "the same text twice"),
    Pair("one-letter", "a", "b"),
    Pair("crlf-tabs", "line\r\nbreaks", "first\r\n\tsecond\r\n\t\tthird\rfourth\vfifth\fsixth"),
    Pair("nul", "nul\x00byte", "\x00before \x00 after\x00"),
    Pair("controls", "bell\x07 escape\x1b[31m", "a\x01b\x02c \x1fd\x7fe \x80f\x85g\x9fh"),
    Pair("emoji", "ship it \U0001f680", "done \u2705 great \U0001f44d\U0001f3fd bug \U0001f41b\U0001f525"),
    Pair("emoji-zwj", f"family {FAMILY}", f"dev \U0001f469{ZWJ}\U0001f4bb and \u2764\ufe0f{ZWJ}\U0001f525"),
    Pair("emoji-flags", FLAG_DE_JP, "flags \U0001f3f4\U000e0067\U000e0062\U000e007f 1\ufe0f\u20e3"),
    Pair("cjk-chinese", "如何安装软件？", "首先下载文件，然后运行安装程序。中国人民"),
    Pair("cjk-japanese", "設定ファイルはどこですか", "カタカナとひらがなが混ざった文。ガギグゲゴ ﾊﾝｶｸ"),
    Pair("cjk-glued", "python中文mix", "版本3.11版 v2版a本"),
    Pair("cjk-beyond-bmp", "\U00020bb7野家", "\U0002a6d6 \U00020000\U00020001 \u3400\ufa0e\U0002f800"),
    Pair("hangul", "설정 파일은 어디에 있습니까?", "한국어 문서를 읽어 주세요."),
    Pair("hangul-jamo", "\u1112\u1161\u11ab\u1100\u1173\u11af", "ㅎㅏㄴ 한 \u1100\u1161"),
    Pair("arabic", "كيف أثبت البرنامج؟", "شغّل الملفّ ثمّ أعد تشغيل الحاسوب، ٣ مرات"),
    Pair("bidi-marks", "\u200fabc\u200e \u202eevil\u202c", "x\u2066y\u2069 \u061cعربي abc"),
    Pair("hebrew", "שלום עולם", "שָׁלוֹם לְכֻלָּם"),
    Pair("devanagari", "नमस्ते दुनिया", "क्षि हिन्दी में पाठ"),
    Pair("thai", "สวัสดีโลก", "ภาษาไทยไม่มีช่องว่าง"),
    Pair("no-vocabulary", "გამარჯობა", "Բարեւ ᚠᚢᚦ 𐌰𐌱"),
    Pair(
        "accents-composed",
        "caf\u00e9 na\u00efve",
        "\u00c5ngstr\u00f6m fa\u00e7ade \u0141\u00f3d\u017a pi\u00f1ata Vi\u1ec7t",
    ),
    Pair(
        "accents-decomposed",
        "cafe\u0301 nai\u0308ve",
        "A\u030angstro\u0308m fac\u0327ade Lo\u0301dz\u0301 pin\u0303ata Vie\u0323\u0302t",
    ),
    Pair("accents-stacked", "z\u0300\u0301\u0302\u0303\u0304algo", "\u0301leading mark, lone \u0308 mark"),
    Pair("greek-final-sigma", "ΟΔΟΣ", "ΣΟΦΟΣ Σ ΑΣ. οδος σοφοσ ΌΣΟΣ\u00adΣ"),
    Pair("greek-accents", "ὈΔΥΣΣΕΎΣ", "Ὀδυσσεύς ὀδυσσεύς ᾼδης ΐ"),
    Pair("cyrillic", "Как установить?", "ёлка Йогурт и ЇЖАК Њ"),
    Pair("turkish-dotted-i", "İSTANBUL", "Iğdır ılık İİ i\u0307"),
    Pair("german-sharp-s", "Straße", "STRASSE GROẞ Maß ﬀ ﬁn"),
    Pair("titlecase-digraphs", "Ǆ ǅ ǆ", "Ĳssel ŉ ǰ ẖ \u212a \u212b"),
    Pair("zero-width-space", "zero\u200bwidth", "soft\u00adhyphen word\u2060joiner \ufeffbom non\u200cjoiner"),
    Pair("word-100", "w" * 100, "fits: " + "x" * 100),
    Pair("word-101", "w" * 101, "too long: " + "x" * 101 + " end"),
    Pair("word-accented-100", "\u00e9" * 100, "e\u0301" * 100 + " " + "\u00e9" * 101),
    Pair("word-very-long", "short", "lorem" * 2000 + " tail"),
    Pair("word-long-with-dashes", "ab-" * 60, "c" * 60 + "." + "d" * 60),
    Pair("special-sep", "what is [SEP]?", "a [SEP] b[SEP]c"),
    Pair("special-mask", "[MASK]", "fill the [MASK] and [mask]"),
    Pair("special-cls-pad", "[CLS] [PAD]", "[PAD][PAD] [UNK] [CLS]query[SEP]"),
    Pair("special-broken", "[ SEP ] [SEP", "[SE\u200bP] [sep] ##ing ## #"),
    Pair("special-truncated", "[SEP] [SEP] [SEP]", "[MASK] " * 12, 16),
    Pair("punctuation-lone", ".", "?!"),
    Pair("punctuation-soup", "!@#$%^&*()_+", "{}|:\"<>?~`-=[]\\;',./ --> => :: ... ==="),
    Pair("punctuation-unicode", "“quoted” – ‘dash’ — …", "«a» ‹b› ¿c? ¡d! §5 †x ‡y • z · 、。「」！"),
    Pair("symbols-math", "∑ x² ≠ y ≤ ∞", "a→b ⇒ c ≈ √2 ± ½ × ÷ ∀x∈ℝ"),
    Pair("symbols-money", "$5 €6 £7", "¥8 ₹9 ₿10 ¢ 100% ™ ® © ° №"),
    Pair("fullwidth", "ＡＢＣ１２３", "ｆｕｌｌ！？（ｗｉｄｔｈ）"),
    Pair("numbers", "3.14159", "1,000,000 -42 6.02e23 0xDEADBEEF 192.168.0.1 ①②Ⅳ ٣ ३"),
    Pair(
        "url",
        "https://example.org/a/b?c=d&e=%20#f",
        "see http://localhost:3000/docs/api_v2.html or mailto:me@example.org",
    ),
    Pair(
        "identifiers",
        "getUserByIdOrNull",
        "get_user_by_id_or_null GetUserByIDOrNull GET-USER $_user2 __init__ kebab-case",
    ),
    Pair("paths", "src\\main\\App.tsx", "../src/main/App.test.tsx:12:34 ~/.config/*.{json,yml}"),
    Pair("base64-hash", "sha256 e3b0c44298fc1c14", "aGVsbG8gd29ybGQhIQ== sha512-9f86d081884c7d65+/x=="),
    Pair("replacement-char", "bro\ufffdken", "\ufffd\ufffd text \ufffd"),
    Pair("private-use", "\ue000icon", "a\uf8ffb \U000f0000c \U0010fffdd"),
    Pair("noncharacters", "\uffff\ufffe", "x\ufdd0y \U0001fffe z"),
    Pair("unassigned", "\u0378x", "\u2fe0 \U000e0080 y"),
    Pair("line-separators", "one\u2028two", "para\u2029graph next\u0085line\u2028"),
    Pair("odd-spaces", "a\u00a0b\u2009c", "d\u3000e\u205ff\u1680g\u180eh\u200ai"),
    Pair("variation-selectors", "text\ufe0e", "葛\U000e0100 a\ufe00b"),
    Pair("json-escapes", "\\u0041\\n", '{"key": "va\\"lue", "n": [1, null, true]}'),
    Pair("html-injection", "<script>alert(1)</script>", "&lt;b&gt; &amp; <!-- <img src=x onerror=a> -->"),
]

TINY = DOCS + CODE + LENGTHS + EDGES

# The default model: all plain text, the long pairs, and those edges that a full vocabulary reads differently.
DEFAULT_LENGTHS = [
    "counted-254-256-max-512",
    "counted-400-300-max-512",
    "medium-document",
    "medium-code",
    "medium-both",
    "long-document",
    "long-document-very",
    "long-query",
    "long-both",
    "long-document-max-128",
    "long-query-max-64",
    "code-max-64",
]
DEFAULT_EDGES = [
    "empty-query",
    "empty-document",
    "empty-both",
    "crlf-tabs",
    "controls",
    "emoji-zwj",
    "cjk-chinese",
    "cjk-japanese",
    "hangul",
    "arabic",
    "accents-decomposed",
    "greek-final-sigma",
    "turkish-dotted-i",
    "german-sharp-s",
    "zero-width-space",
    "word-very-long",
    "special-cls-pad",
    "punctuation-soup",
    "numbers",
    "url",
    "identifiers",
    "html-injection",
]


def named(pairs: list[Pair], names: list[str]) -> list[Pair]:
    by_name = {pair.name: pair for pair in pairs}
    return [by_name[name] for name in names]


def card_pairs() -> list[Pair]:
    """The five example pairs of the default model's card, character for character."""
    text = (Path(__file__).parent / "card_pairs.json").read_text(encoding="utf-8")
    return [Pair(entry["name"], entry["query"], entry["document"]) for entry in json.loads(text)]


def default_pairs() -> list[Pair]:
    return card_pairs() + DOCS + CODE + named(LENGTHS, DEFAULT_LENGTHS) + named(EDGES, DEFAULT_EDGES)
