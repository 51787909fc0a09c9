// clocks, a histogram, and what the server's processes cost; shared by the C load clients
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(clockid_t c) { struct timespec t; clock_gettime(c, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
#define NOW() now_ns(CLOCK_REALTIME)
static double mono(void) { return now_ns(CLOCK_MONOTONIC) / 1e9; }

// ---- log-linear histogram of nanoseconds, 64 sub-buckets per octave: < 1.6 % error ----
typedef struct { uint64_t n, max, at[64 * 64]; } hist;
static int hidx(uint64_t v) { if (v < 64) return v; int e = 63 - __builtin_clzll(v); return (e - 5) * 64 + ((v >> (e - 6)) & 63); }
static uint64_t hval(int i) { if (i < 64) return i; int e = i / 64 + 5; return ((uint64_t)(64 + (i & 63)) << (e - 6)) + (1ull << (e - 6)) / 2; }
static void hadd(hist *h, uint64_t v) { h->at[hidx(v)]++; h->n++; if (v > h->max) h->max = v; }
static double hpct(const hist *h, double q) {         // milliseconds
  uint64_t want = (uint64_t)(q * h->n), acc = 0;
  if (!h->n) return 0;
  for (int i = 0; i < 64 * 64; i++) if ((acc += h->at[i]) > want) { uint64_t v = hval(i); return (v > h->max ? h->max : v) / 1e6; }
  return h->max / 1e6;
}
static void hprint(const char *name, const hist *h) {
  printf("\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"n\":%llu},", name, hpct(h, .5), hpct(h, .9), hpct(h, .99),
    h->max / 1e6, (unsigned long long)h->n);
}

// ---- the server's CPU time and memory ----
static struct { int pid[64], n; } server;
static double pids_cpu(void) {                        // seconds; whole thread groups, ns resolution
  double s = 0;
  for (int i = 0; i < server.n; i++) { clockid_t c; if (!clock_getcpuclockid(server.pid[i], &c)) s += now_ns(c) / 1e9; }
  return s;
}
static void pids_stat(double *u, double *s) {         // user and system from /proc/PID/stat
  *u = *s = 0; double hz = sysconf(_SC_CLK_TCK);
  for (int i = 0; i < server.n; i++) {
    char f[64], b[1024]; snprintf(f, sizeof f, "/proc/%d/stat", server.pid[i]);
    FILE *h = fopen(f, "r"); if (!h) continue;
    size_t k = fread(b, 1, sizeof b - 1, h); b[k] = 0; fclose(h);
    unsigned long ut, st; char *p = strrchr(b, ')');
    if (p && sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st) == 2) { *u += ut / hz; *s += st / hz; }
  }
}
static long pids_rss(void) {                          // KiB
  long kb = 0; char f[64], b[256];
  for (int i = 0; i < server.n; i++) {
    snprintf(f, sizeof f, "/proc/%d/status", server.pid[i]);
    FILE *h = fopen(f, "r"); if (!h) continue;
    while (fgets(b, sizeof b, h)) if (!strncmp(b, "VmRSS:", 6)) kb += atol(b + 6);
    fclose(h);
  }
  return kb;
}
static void core_stat(int core, double *busy, double *softirq, double *steal) {
  char b[512], tag[16]; *busy = *softirq = *steal = 0;
  if (core < 0) return;
  snprintf(tag, sizeof tag, "cpu%d ", core);
  FILE *h = fopen("/proc/stat", "r"); if (!h) return;
  double v[8], hz = sysconf(_SC_CLK_TCK);
  while (fgets(b, sizeof b, h)) if (!strncmp(b, tag, strlen(tag))) {
    sscanf(b + strlen(tag), "%lf %lf %lf %lf %lf %lf %lf %lf", v, v+1, v+2, v+3, v+4, v+5, v+6, v+7);
    *busy = (v[0]+v[1]+v[2]+v[5]+v[6]+v[7]) / hz; *softirq = v[6] / hz; *steal = v[7] / hz;
  }
  fclose(h);
}
