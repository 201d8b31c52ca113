// The page /search. Its content comes as a chunk of its own, with the same code as the dialog.

import Layout from '@theme/Layout';
import { SearchPage as Content } from '../../client/ui/SearchPage.js';

export default function SearchPage() {
  return (
    <Layout>
      <Content />
    </Layout>
  );
}
