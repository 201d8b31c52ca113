// Checks what docusaurus.config says, with messages that say what to write instead.

import type { OptionValidationContext } from '@docusaurus/types';
import { Joi } from '@docusaurus/utils-validation';
import type { ClientOptions, PluginOptions } from '../shared/options.js';
import { globSource } from './globs.js';

export const DEFAULTS: PluginOptions = {
  mode: 'auto',
  candidates: 30,
  results: 8,
  maxLength: 192,
  budgetMs: 800,
  load: 'on-focus',
  saveData: 'respect',
  blend: 0.7,
  boosts: [],
  include: [],
  exclude: [],
  headings: 3,
  hosting: 'self',
  model: null,
  device: 'auto',
  workers: 'auto',
  locales: ['en'],
  searchPage: true,
  hotkeys: true,
};

const whole = (from: number, to: number) => Joi.number().integer().min(from).max(to);
const glob = Joi.string()
  .pattern(/^[/*{]/)
  .messages({
    'string.pattern.base':
      '{{#label}} is "{#value}". Globs are matched against paths after the base URL, so they begin with a slash: "/docs/**"',
  });

const schema = Joi.object<PluginOptions>({
  mode: Joi.valid('auto', 'standalone', 'rerank'),
  candidates: whole(2, 100),
  results: whole(1, 50),
  maxLength: whole(16, 512),
  budgetMs: whole(0, 60_000),
  load: Joi.valid('on-focus', 'idle', 'on-submit'),
  saveData: Joi.valid('respect', 'ignore'),
  blend: Joi.number().min(0).max(1).messages({
    'number.base':
      '{{#label}} must be a number from 0 (the base order) to 1 (the model alone); 0.7 is the default',
  }),
  boosts: Joi.array().items(
    Joi.object({ match: glob.required(), weight: Joi.number().greater(0).max(100).required() }).messages({
      'object.base':
        '{{#label}} must be an object of a glob and a weight: match: "/docs/api/**", weight: 0.8',
    }),
  ),
  include: Joi.array().items(glob),
  exclude: Joi.array().items(glob),
  headings: whole(1, 6),
  hosting: Joi.valid('self', 'hub'),
  model: Joi.string().allow(null),
  device: Joi.valid('auto', 'cpu', 'webgpu'),
  workers: Joi.valid('auto', ...Array.from({ length: 16 }, (_, at) => at + 1)).messages({
    'any.only': '{{#label}} must be "auto" or a whole number from 1 to 16',
  }),
  locales: Joi.array().items(Joi.string()).messages({
    'array.base':
      '{{#label}} must be a list of the locales that the model may order, such as ["en"]; [] means none',
  }),
  searchPage: Joi.boolean(),
  hotkeys: Joi.boolean(),
})
  .custom((options: Partial<PluginOptions>, helpers) => {
    const remote = /^(hf:|https?:)/.test(options.model ?? '');
    if (options.hosting === 'hub' && !remote) return helpers.error('crossrank.hub');
    if (options.hosting !== 'hub' && remote) return helpers.error('crossrank.self', { model: options.model });
    return options;
  })
  .messages({
    'object.unknown': `{{#label}} is not an option of docusaurus-plugin-crossrank. Its options are: ${Object.keys(DEFAULTS).join(', ')}`,
    'crossrank.hub':
      'hosting: "hub" needs to know where the model lies: model: "hf:org/name@revision" or a URL. Without `hosting`, the model that comes with crossrank is copied into the site',
    'crossrank.self':
      'model is "{#model}", which is on another host: add hosting: "hub", or name a model folder of the site',
  });

/** Docusaurus' hook: the options with their defaults, or a ValidationError. */
export function validateOptions({
  validate,
  options,
}: OptionValidationContext<
  Partial<PluginOptions> | undefined,
  PluginOptions & { id: string }
>): PluginOptions & {
  id: string;
} {
  const given = validate(schema as never, options);
  return { ...DEFAULTS, ...given };
}

/** What goes to the browser. */
export function clientOptions(options: PluginOptions): ClientOptions {
  const { candidates, results, maxLength, budgetMs, load, saveData, blend, device, workers, hotkeys } =
    options;
  const boosts = options.boosts.map(({ match, weight }) => ({ pattern: globSource(match), weight }));
  return {
    candidates,
    results,
    maxLength,
    budgetMs,
    load,
    saveData,
    blend,
    device,
    workers,
    hotkeys,
    boosts,
  };
}

/** Whether the model serves a locale: `en` in the list serves `en-GB` too. */
export function servesLocale(locales: readonly string[], locale: string): boolean {
  return locales.some((one) => locale === one || locale.startsWith(`${one}-`));
}
