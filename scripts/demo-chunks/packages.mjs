// Which installed packages the demo searches, and which of their files. A choice by hand: packages whose source
// people ask questions about, in roughly equal shares, nothing bundled or generated. Paths are the package's own
// (folders end with a slash); the README at a package's root always belongs.

/** @type {{ registry: 'npm' | 'crates.io', name: string, files: string[] }[]} */
export const PACKAGES = [
  npm('minisearch', ['src/']),
  npm('webpack', [
    ...within('lib/', ['Chunk.js', 'InitFragment.js', 'ModuleFilenameHelpers.js', 'ProgressPlugin.js']),
    ...within('lib/optimize/', [
      'InnerGraph.js',
      'LimitChunkCountPlugin.js',
      'MergeDuplicateChunksPlugin.js',
      'MinChunkSizePlugin.js',
      'RealContentHashPlugin.js',
      'RuntimeChunkPlugin.js',
      'SideEffectsFlagPlugin.js',
    ]),
    ...within('lib/util/', [
      'ArrayQueue.js',
      'AsyncQueue.js',
      'LazySet.js',
      'SortableSet.js',
      'StringXor.js',
      'TupleSet.js',
      'binarySearchBounds.js',
      'formatSize.js',
      'memoize.js',
      'processAsyncTree.js',
    ]),
  ]),
  npm('html-webpack-plugin', ['index.js', 'lib/']),
  npm('enhanced-resolve', [
    ...within('lib/', [
      'AliasPlugin.js',
      'CachedInputFileSystem.js',
      'DescriptionFileUtils.js',
      'ExportsFieldPlugin.js',
      'MainFieldPlugin.js',
      'PnpPlugin.js',
      'Resolver.js',
      'SymlinkPlugin.js',
      'UnsafeCachePlugin.js',
    ]),
    'lib/util/',
  ]),
  npm('tapable', ['lib/']),
  npm('watchpack', ['lib/']),
  npm('commander', ['lib/']),
  npm('postcss', ['lib/']),
  npm('semver', ['classes/', 'functions/', 'ranges/', 'internal/']),
  npm('picomatch', ['lib/']),
  npm('source-map', ['lib/']),
  npm('terser', [
    ...within('lib/compress/', ['drop-unused.js', 'evaluate.js', 'inline.js', 'tighten-body.js']),
    'lib/propmangle.js',
  ]),
  npm('fastest-levenshtein', ['esm/']),
  npm('nanoid', ['index.js', 'non-secure/']),
  npm('p-limit', ['index.js']),
  crate('burn-nn', [
    'src/activation/',
    ...within('src/loss/', ['cross_entropy.rs', 'huber.rs', 'cosine_embedding.rs', 'smooth_l1.rs', 'mse.rs']),
    'src/modules/attention/',
    'src/modules/norm/',
    'src/modules/transformer/',
    ...within('src/modules/', [
      'dropout.rs',
      'embedding.rs',
      'linear.rs',
      'pos_encoding.rs',
      'rope_encoding.rs',
    ]),
    ...within('src/modules/rnn/', ['gru.rs', 'lstm.rs']),
  ]),
  crate('burn-flex', [
    ...within('src/ops/', [
      'activation.rs',
      'attention.rs',
      'gather_scatter.rs',
      'matmul.rs',
      'quantization.rs',
    ]),
    'src/layout.rs',
    'src/tensor.rs',
    'ARCHITECTURE.md',
  ]),
  crate('burn-core', ['src/module/', 'src/data/dataloader/']),
  crate('tokenizers', [
    'src/models/bpe/model.rs',
    'src/models/wordpiece/',
    'src/models/wordlevel/',
    ...within('src/normalizers/', ['bert.rs', 'strip.rs', 'unicode.rs', 'utils.rs']),
    ...within('src/pre_tokenizers/', ['bert.rs', 'byte_level.rs', 'digits.rs', 'split.rs', 'whitespace.rs']),
    ...within('src/processors/', ['bert.rs', 'roberta.rs', 'template.rs']),
    ...within('src/tokenizer/', ['added_vocabulary.rs', 'encoding.rs']),
    ...within('src/utils/', ['cache.rs', 'padding.rs', 'truncation.rs']),
  ]),
  crate('safetensors', ['src/']),
  crate('serde_json', within('src/', ['de.rs', 'error.rs', 'map.rs', 'read.rs', 'value/mod.rs'])),
  crate('half', within('src/', ['bfloat.rs', 'binary16/arch.rs', 'leading_zeros.rs', 'slice.rs', 'vec.rs'])),
  crate('gemm-common', within('src/', ['cache.rs', 'gemm.rs', 'gemv.rs', 'gevv.rs', 'pack_operands.rs'])),
  crate('rayon-core', [
    ...within('src/', ['job.rs', 'latch.rs', 'registry.rs', 'unwind.rs']),
    ...within('src/', ['join/', 'scope/', 'sleep/', 'spawn/']),
  ]),
  crate('aho-corasick', [
    ...within('src/', [
      'dfa.rs',
      'macros.rs',
      'nfa/noncontiguous.rs',
      'packed/rabinkarp.rs',
      'util/buffer.rs',
    ]),
    'DESIGN.md',
  ]),
  crate('smallvec', ['src/']),
  crate('base64', [
    ...within('src/', ['alphabet.rs', 'chunked_encoder.rs', 'decode.rs', 'encode.rs', 'engine/mod.rs']),
    'src/engine/general_purpose/',
  ]),
  crate('wasm-bindgen-futures', ['src/']),
];

function npm(name, files) {
  return { registry: 'npm', name, files };
}

function crate(name, files) {
  return { registry: 'crates.io', name, files };
}

function within(folder, names) {
  return names.map((name) => `${folder}${name}`);
}
