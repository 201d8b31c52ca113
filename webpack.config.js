// Builds the demo, and nothing else: pkg/demo-js/ (TypeScript's output) and index.html become the static site
// pkg/demo/. The package's own `new URL(…, import.meta.url)` and `new Worker(…)` literals are what emits the worker,
// the wasm file and the model; an app that bundles crossrank needs no more than this either.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import HtmlWebpackPlugin from 'html-webpack-plugin';
import MiniCssExtractPlugin from 'mini-css-extract-plugin';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export default {
  mode: 'production',
  context: path('.'),
  entry: { main: [path('pkg/demo-js/main.js'), path('www/demo/style.css')] },
  devtool: 'source-map',
  // ES modules throughout, so that workers are module workers and `import.meta.url` stays what it is.
  experiments: { outputModule: true },
  output: {
    path: path('pkg/demo'),
    filename: '[name].[contenthash:8].js',
    chunkFilename: '[name].[contenthash:8].js',
    assetModuleFilename: 'assets/[name].[contenthash:8][ext]',
    module: true,
    publicPath: 'auto',
    // The chunk file is built by scripts/demo-chunks/ into the same folder.
    clean: { keep: /^(?:chunks\.json\.gz|notices\.txt)$/ },
  },
  module: {
    rules: [
      {
        test: /\.css$/,
        use: [MiniCssExtractPlugin.loader, { loader: 'css-loader', options: { import: false } }],
      },
    ],
  },
  plugins: [
    // As content, not as a template: the shell is static, and the template language needs `eval`'s sloppy mode.
    new HtmlWebpackPlugin({
      templateContent: () => readFileSync(path('index.html'), 'utf8'),
      scriptLoading: 'module',
      minify: false,
    }),
    new MiniCssExtractPlugin({ filename: '[name].[contenthash:8].css' }),
  ],
  // The model is large by nature; the page shows its size.
  performance: { hints: false },
};
