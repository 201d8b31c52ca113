// The questions offered as buttons. Each has an answer among the chunks within the first stage's reach, often not
// at its top: that is what the reranker is for. tests/demo/ looks each answer up.

/** The first one fills the search box when the page opens. */
export const EXAMPLES: readonly string[] = [
  'how does fuzzy matching weigh a term',
  'where is GELU implemented',
  'what turns attention scores into weights',
  'truncate a pair of encodings to the maximum length',
  'how do idle threads fall asleep',
  'reject a file whose tensor offsets are invalid',
  'find the closest string by edit distance',
  'suggest the right command after a typo',
  'how are accents stripped before tokenizing',
  'how does a caret version range expand',
  'when does a small vector move to the heap',
  'convert f32 to f16 in software',
  'is base64 padding checked when decoding',
  'does dropout do anything during inference',
  'limit how many promises run at once',
  'rename a file by the hash of its final content',
];
