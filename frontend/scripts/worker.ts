// Builds the service worker of /report into one plain file, with the names of the files that it keeps.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { build, type Plugin, type Rollup } from 'vite';

const PAGE = 'report.html';
const WORKER = 'report-sw.js';

/** Chunks that the page needs at once, and those that it asks for later, each with its styles and files. */
function walk(bundle: Rollup.OutputBundle): { first: Set<string>; later: Set<string> } {
  const first = new Set<string>();
  const later = new Set<string>();
  const visit = (name: string, into: Set<string>): void => {
    const chunk = bundle[name];
    if (chunk?.type !== 'chunk' || first.has(name) || later.has(name)) return;
    into.add(name);
    for (const made of [...(chunk.viteMetadata?.importedCss ?? []), ...(chunk.viteMetadata?.importedAssets ?? [])]) if (!first.has(made)) into.add(made);
    for (const other of chunk.imports) visit(other, into);
    for (const other of chunk.dynamicImports) visit(other, later);
  };
  const entry = Object.values(bundle).find((one) => one.type === 'chunk' && one.isEntry && one.name === 'report');
  if (entry !== undefined) visit(entry.fileName, first);
  return { first, later };
}

/** The page's faces in the two weights it uses; the map's worker, which no chunk imports by name. */
function facesOf(bundle: Rollup.OutputBundle): string[] {
  return Object.keys(bundle).filter((name) => /(vietnamese|latin|figures)-(400|600)(-normal)?-[^/]*\.woff2$/.test(name));
}

export function worker(): Plugin {
  return {
    name: 'ioc-report-worker',
    apply: 'build',
    generateBundle: {
      order: 'post',
      async handler(_options, bundle) {
        const { first, later } = walk(bundle);
        if (first.size === 0) return;
        const mapWorker = Object.keys(bundle).filter((name) => /maplibre-gl-worker[^/]*\.m?js$/.test(name));
        const at = (name: string): string => `/static/${name}`;
        const files = [...new Set([...first, ...facesOf(bundle)])].map(at);
        const rest = [...later, ...mapWorker].filter((name) => !first.has(name)).map(at);
        const page = bundle[PAGE];
        const version = createHash('sha256').update(JSON.stringify([files, rest, page?.type === 'asset' ? page.source : ''])).digest('hex').slice(0, 12);
        const made = (await build({
          configFile: false,
          publicDir: false,
          logLevel: 'warn',
          define: { FILES: JSON.stringify(files), LATER: JSON.stringify(rest), VERSION: JSON.stringify(version) },
          build: { write: false, target: 'es2022', lib: { entry: join(import.meta.dirname, '..', 'src', 'report', 'sw.ts'), formats: ['iife'], name: 'worker', fileName: 'sw' } },
        })) as Rollup.RollupOutput[] | Rollup.RollupOutput;
        const code = [made].flat()[0]?.output[0].code ?? '';
        this.emitFile({ type: 'asset', fileName: WORKER, source: code });
      },
    },
  };
}
