// The plugin's global data, also for code outside React.
import globalData from '@generated/globalData';
import { type CrossrankData, PLUGIN_NAME } from '../shared/data.js';

/** What the build says about this site. */
export function crossrankData(): CrossrankData {
  const instances = globalData[PLUGIN_NAME];
  return Object.values(instances ?? {})[0] as CrossrankData;
}
