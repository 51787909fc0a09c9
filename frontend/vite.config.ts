import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { worker } from './scripts/worker.ts';

// Four pages, one build: the server gives `wall.html` at /wall/{screen}, `tablet.html` at /tablet, `report.html` at /report
// and `ops.html` at /ops, everything they need lies under /static/.
const server = process.env['IOC_SERVER'] ?? 'http://127.0.0.1:8765';

export default defineConfig({
  base: '/static/',
  plugins: [svelte(), worker()],
  worker: { format: 'es' },
  build: {
    outDir: '../ioc/web/static',
    emptyOutDir: true,
    target: 'es2022',
    // MapLibre alone is larger than Vite's default mark; it is a lazy chunk on the tablet.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: { input: { wall: 'wall.html', tablet: 'tablet.html', report: 'report.html', ops: 'ops.html' } },
  },
  server: { proxy: { '/api': server, '/ws': { target: server, ws: true } } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
