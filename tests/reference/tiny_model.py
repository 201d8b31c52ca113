"""The tiny seeded cross-encoder of the tests: its vocabulary, tokenizer and weights.

Called by generate.py. Same kind of model as the default one (BERT with a pooler
and a linear head, uncased WordPiece), but small enough to live in the
repository. It is random, not trained: its logits mean nothing, they only have
to differ when anything in a tokenizer or a forward pass differs.
"""

import unicodedata
from collections import Counter

import numpy as np
import torch
from tokenizers import normalizers, pre_tokenizers

SEED = 20240229
VOCAB_SIZE = 2560
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "attention_probs_dropout_prob": 0.1,
    "classifier_dropout": None,
    "dtype": "float32",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "id2label": {"0": "LABEL_0"},
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "label2id": {"LABEL_0": 0},
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "6.2.0"},
    "type_vocab_size": 2,
    "vocab_size": VOCAB_SIZE,
}

TOKENIZER_CONFIG = {
    "cls_token": "[CLS]",
    "do_lower_case": True,
    "mask_token": "[MASK]",
    "model_max_length": 512,
    "pad_token": "[PAD]",
    "sep_token": "[SEP]",
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "tokenizer_class": "BertTokenizer",
    "unk_token": "[UNK]",
}

# Letters and signs with a token of their own, as ranges (first, last). What the normalizer takes apart
# (accents, composed Hangul, voiced kana) is left out below.
CHARACTER_RANGES = [
    (0x21, 0x7E),  # ASCII
    (0xDF, 0xFF),  # Latin that has no decomposition: sharp s, ae, o with stroke, eth, thorn
    (0x3B1, 0x3C9),  # Greek, both small sigmas
    (0x430, 0x45F),  # Cyrillic
    (0x5D0, 0x5EA),  # Hebrew
    (0x621, 0x64A),  # Arabic
    (0x905, 0x939),  # Devanagari
    (0xE01, 0xE46),  # Thai
    (0x1100, 0x1112),  # Hangul jamo: initial
    (0x1161, 0x1175),  # medial
    (0x11A8, 0x11C2),  # final
    (0x3041, 0x3096),  # hiragana
    (0x30A1, 0x30FC),  # katakana
]
CHARACTERS = (
    "đłıŋœ§©®°±²½×÷¡¿«»€£¥₹–—‘’“”„†‡•…‹›←↑→↓⇒∀∂∈∑√∞≈≤≥™№ℝ、。「」！（），：？～ﬀﬁ①अआािीे๑"
    "一上下不与世中主之了事二云人什从他以件会何使供信先入全六内公其出分创初到前加务包化北十千卫卯压原去又及参口只可史右司各合同名后向否"
    "周和品四国图土在地型城堂大天太夫女如始字存学安宋完定实家对小少山岡川工左已市平年序开式引当心必志快性情我所手打找择接操支收改放"
    "政文断新方日明星时是更書最月有木本李来東松林查果校样根格案检業楽機次正此步死段每比民水永江没法活流海清点無版牛物特王理生用田由"
    "界的目直相看真知石码示社神种秀秋科称程空立章竹笔等简管米精系素索約級素組結給統線編网置美義考者而聞聲股育能脚自至色花英華葉行表"
    "被装西要見規視覧解言計記設許証試話語説読課調請論警變负贝责货费起足路車軟載軟輸农边运近返这进远连述通速造道達遠選郎部都里重野量"
    "金銀録长開間関队阪院险随隔雄電青面音頁項順預頭題風食首香馬高鬼魚鳥鳴麗黃黒點鼓龍𠮷\U0001f680\U0001f44d\u2705"
)

# Everyday words of documentation and code, beside those of the pairs.
COMMON_WORDS = """
about above add after all allow already also always an and any api app are argument array as async at available await
back be because been before between bool boolean both browser build but by call called can case change char check class
click client close cluster code column command commit common component config configuration connect const container
content context copy count create current custom data date debug default define delete describe dev device different
directory disable do docker document does done down download each edit element else empty enable end engine ensure
entry env environment error event every example exception execute exist expected export expression extend extra false
feature field file filter final find first fix flag float folder follow following for force format found from full
function general generate get git global go group guide had handle has have header help here hidden home host how html
http https id if image implement import in include index info init input insert inside install instance instead int
integer interface internal into is issue it item its java javascript job json just keep kernel key kind know label
language large last later latest layer left length less let level library license like limit line link list load local
lock log long loop made main make manage map many match max may memory message method might min mode model module more
most move much multi must name need network new next no node none not note null number object of off old on once one
only open operator option or order other otherwise out output over own package page parameter parse part pass password
path pattern pending per permission point pool port position post prefix press private process product project property
protocol provide proxy public push put python query queue quick range rank rate raw read ready real reason receive record
remote remove replace report repository request require reset resource response rest result return right root row rule
run rust same save schema scope score script search second section secure select self send server service session set
setting shell should show shown side simple single site size small so some sort source space specific start state static
status step still stop storage store stream string struct style such support sure switch sync syntax system tab table tag
target task team template test text than that the their them then there these they thing this thread through time to
token tool top total track tree true try two type under unique unit until up update upload url us usage use used user
using utility valid value variable vector version view want warning was way we web were what when where which while who
why will window with within without word work worker would write you your zero
""".split()
SUFFIXES = "s es ed er ers est ing ly al ion ions tion ment ness able ible ity ize ized ful less or ish ive ous th ty up".split()


def own_characters() -> list[str]:
    """Characters with a token of their own, in the form the normalizer leaves them in."""
    ranged = [chr(code) for first, last in CHARACTER_RANGES for code in range(first, last + 1)]
    kept = {
        character
        for character in ranged + list(CHARACTERS)
        if unicodedata.normalize("NFD", character) == character
        and character.lower() == character
        and unicodedata.category(character) not in ("Mn", "Cn")
    }
    return sorted(kept)


def is_ideograph(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK UNIFIED")


def continues_word(character: str) -> bool:
    """Whether the pre-tokenizer leaves it inside a word: letters, digits, vowel signs, signs beyond ASCII."""
    category = unicodedata.category(character)
    is_sign = category[0] == "S" and not character.isascii()
    return (category[0] in "LN" or category == "Mc" or is_sign) and not is_ideograph(character)


def words_of(texts: list[str]) -> Counter:
    normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True
    )
    splitter = pre_tokenizers.BertPreTokenizer()
    return Counter(word for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))


def pieces_of(words: Counter) -> Counter:
    """Beginnings and ends of words, weighted by the characters that each saves."""
    weights = Counter()
    for word, count in words.items():
        for length in range(2, min(len(word), 7)):
            weights[word[:length]] += count * (length - 1)
            weights["##" + word[-length:]] += count * (length - 1)
    return weights


def ranked(weights: Counter) -> list[str]:
    return sorted(weights, key=lambda token: (-weights[token], token))


def vocabulary(texts: list[str]) -> dict[str, int]:
    """VOCAB_SIZE tokens with contiguous ids, the most useful ones for these texts."""
    characters = own_characters()
    words = words_of(texts)
    plain_words = Counter({word: n for word, n in words.items() if word.isascii() and 1 < len(word) <= 12})
    frequent = [word for word in ranked(plain_words) if plain_words[word] > 1]
    tokens = dict.fromkeys(
        SPECIAL_TOKENS
        + characters
        + ["##" + c for c in characters if continues_word(c)]
        + COMMON_WORDS
        + ["##" + suffix for suffix in SUFFIXES]
        + frequent[:350]
        + ranked(pieces_of(plain_words))
    )
    if len(tokens) < VOCAB_SIZE:
        raise ValueError(f"only {len(tokens)} tokens for a vocabulary of {VOCAB_SIZE}")
    return {token: index for index, token in enumerate(list(tokens)[:VOCAB_SIZE])}


def template(parts: list[tuple[str, int]]) -> list[dict]:
    """One side of the post-processor: ("A", 0) is a sequence, ("[CLS]", 0) a special token."""
    kinds = {"A": "Sequence", "B": "Sequence"}
    return [{kinds.get(name, "SpecialToken"): {"id": name, "type_id": type_id}} for name, type_id in parts]


def tokenizer_json(vocab: dict[str, int]) -> dict:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": vocab[token], "content": token, **flags} for token in SPECIAL_TOKENS],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template([("[CLS]", 0), ("A", 0), ("[SEP]", 0)]),
            "pair": template([("[CLS]", 0), ("A", 0), ("[SEP]", 0), ("B", 1), ("[SEP]", 1)]),
            "special_tokens": {
                token: {"id": token, "ids": [vocab[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }


def shapes() -> dict[str, tuple[int, ...]]:
    """Tensor names and shapes, as Hugging Face's BertForSequenceClassification has them."""
    hidden, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    linears = {
        "attention.self.query": (hidden, hidden),
        "attention.self.key": (hidden, hidden),
        "attention.self.value": (hidden, hidden),
        "attention.output.dense": (hidden, hidden),
        "intermediate.dense": (inner, hidden),
        "output.dense": (hidden, inner),
    }
    result = {
        "bert.embeddings.word_embeddings.weight": (VOCAB_SIZE, hidden),
        "bert.embeddings.position_embeddings.weight": (CONFIG["max_position_embeddings"], hidden),
        "bert.embeddings.token_type_embeddings.weight": (CONFIG["type_vocab_size"], hidden),
    }
    norms = ["bert.embeddings.LayerNorm"]
    for layer in range(CONFIG["num_hidden_layers"]):
        prefix = f"bert.encoder.layer.{layer}."
        for name, shape in linears.items():
            result[f"{prefix}{name}.weight"] = shape
            result[f"{prefix}{name}.bias"] = shape[:1]
        norms += [f"{prefix}attention.output.LayerNorm", f"{prefix}output.LayerNorm"]
    for norm in norms:
        result[f"{norm}.weight"] = (hidden,)
        result[f"{norm}.bias"] = (hidden,)
    result["bert.pooler.dense.weight"] = (hidden, hidden)
    result["bert.pooler.dense.bias"] = (hidden,)
    result["classifier.weight"] = (1, hidden)
    result["classifier.bias"] = (1,)
    return result


def spread(name: str) -> tuple[float, float]:
    """Mean and standard deviation a tensor is drawn with: large enough that each of them moves the logit."""
    if name.endswith("LayerNorm.weight"):
        return 1.0, 0.2
    if name == "classifier.weight":
        return 0.0, 0.7
    if name == "classifier.bias":
        return 0.5, 0.0
    if "embeddings" in name:
        return 0.0, 0.3
    return 0.0, 0.2


def weights() -> dict[str, torch.Tensor]:
    """All tensors in f32; each has its own stream, so adding one does not change the others."""
    tensors = {}
    for index, (name, shape) in enumerate(shapes().items()):
        mean, deviation = spread(name)
        draw = np.random.default_rng([SEED, index]).standard_normal(shape)
        tensors[name] = torch.from_numpy((mean + deviation * draw).astype(np.float32))
    return tensors
