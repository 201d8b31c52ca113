// The version of the package, which a page cannot read from package.json. A test compares the two.

export const VERSION = '0.1.0';
