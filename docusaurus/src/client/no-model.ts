// Stands in a bundle for the package of crossrank's default model: a site names its model by URL.
export {};
