// Stands in a bundle for crossrank's list of its own model files: a site names the model by URL.
export const DEFAULT_MODEL = { manifest: {}, urls: {} };
