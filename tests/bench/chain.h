#define _GNU_SOURCE
// The chain of positions that each screen is told, channel by channel: every delta begins where the screen stands, the
// parts of a snapshot come whole and in order. Frames are read by their heads alone; a head of another form is counted.
#include "inflate.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { uint64_t name, epoch; int64_t offset; int stands, seen, part, parts; uint64_t part_epoch; int64_t part_offset; } place;
typedef struct { place *at; int n, whole; } chain;     // whole: channels whose picture is complete
enum { SAID_OTHER, SAID_DELTA, SAID_PART, SAID_SNAPSHOT, SAID_BYE };  // SAID_SNAPSHOT: its last part

static struct { uint64_t deltas, snapshots, parts, beats, byes, problems, holes, twice, epochs, orphans, torn, unread, compressed; } told;

static uint64_t hash_of(const uint8_t *p, size_t n) { uint64_t h = 1469598103934665603ull; while (n--) h = (h ^ *p++) * 1099511628211ull; return h; }
static int lit(const uint8_t **p, const uint8_t *e, const char *s) {
  size_t n = strlen(s); if ((size_t)(e - *p) < n || memcmp(*p, s, n)) return 0;
  *p += n; return 1;
}
static int text(const uint8_t **p, const uint8_t *e, uint64_t *hash) {    // up to the closing quote; names hold no escapes
  const uint8_t *q = memchr(*p, '"', e - *p); if (!q) return 0;
  *hash = hash_of(*p, q - *p); *p = q + 1; return 1;
}
static int number(const uint8_t **p, const uint8_t *e, int64_t *v) {
  const uint8_t *q = *p; *v = 0;
  while (*p < e && **p >= '0' && **p <= '9') *v = *v * 10 + (*(*p)++ - '0');
  return *p > q;
}
static int named_number(const uint8_t *p, const uint8_t *e, const char *name, int64_t *v) {
  const uint8_t *q = memmem(p, e - p, name, strlen(name)); if (!q) return 0;
  q += strlen(name); return number(&q, e, v);
}
static place *place_of(chain *c, uint64_t name) {
  for (int i = 0; i < c->n; i++) if (c->at[i].name == name) return &c->at[i];
  c->at = realloc(c->at, (c->n + 1) * sizeof *c->at);
  place *found = &c->at[c->n++]; memset(found, 0, sizeof *found); found->name = name; return found;
}
static void chain_end(chain *c) { free(c->at); c->at = NULL; c->n = c->whole = 0; }

static void chain_delta(place *at, uint64_t epoch, int64_t after, int64_t offset, int more) {
  if (at->part != at->parts) told.torn++;               // between the parts of a snapshot
  else if (!at->stands) told.orphans++;
  else if (at->epoch != epoch) told.epochs++;
  else if (after > at->offset) told.holes++;
  else if (after < at->offset) told.twice++;
  if (offset < after) told.holes++;
  at->stands = 1; at->epoch = epoch; at->offset = more ? after : offset; at->part = at->parts = 0;
}
static int chain_part(chain *c, place *at, uint64_t epoch, int64_t offset, int64_t part, int64_t parts) {
  told.parts++;
  if (part != 1 && (part != at->part + 1 || parts != at->parts || epoch != at->part_epoch || offset != at->part_offset)) told.torn++;
  at->part = part; at->parts = parts; at->part_epoch = epoch; at->part_offset = offset;
  if (part < parts) return SAID_PART;
  told.snapshots++; if (!at->seen) c->whole++;
  at->seen = at->stands = 1; at->epoch = epoch; at->offset = offset; at->part = at->parts = 0; return SAID_SNAPSHOT;
}
// Takes one text frame, and says which kind it was.
static int chain_frame(chain *c, const uint8_t *p, size_t n) {
  const uint8_t *e = p + n, *end = e; uint64_t name, epoch; int64_t after, offset, part, parts;
  if (lit(&p, e, "{\"type\":\"delta\",\"channel\":\"")) {
    told.deltas++;
    if (text(&p, e, &name) && lit(&p, e, ",\"epoch\":\"") && text(&p, e, &epoch) && lit(&p, e, ",\"after\":") && number(&p, e, &after)
        && lit(&p, e, ",\"offset\":") && number(&p, e, &offset))
      chain_delta(place_of(c, name), epoch, after, offset, n > 12 && !memcmp(end - 12, "\"more\":true}", 12));
    else told.unread++;
    return SAID_DELTA;
  }
  if (lit(&p, e, "{\"type\":\"snapshot\",\"channel\":\"")) {
    if (text(&p, e, &name) && lit(&p, e, ",\"epoch\":\"") && text(&p, e, &epoch) && lit(&p, e, ",\"offset\":") && number(&p, e, &offset)
        && named_number(p, e, "\"part\":", &part) && named_number(p, e, "\"parts\":", &parts))
      return chain_part(c, place_of(c, name), epoch, offset, part, parts);
    told.unread++; return SAID_OTHER;
  }
  if (lit(&p, e, "{\"type\":\"bye\"")) { told.byes++; return SAID_BYE; }
  if (lit(&p, e, "{\"type\":\"problem\"")) told.problems++;
  else if (lit(&p, e, "{\"type\":\"beat\"")) told.beats++;
  else if (!lit(&p, e, "{\"type\":\"welcome\"")) told.unread++;
  return SAID_OTHER;
}
// Takes one message, compressed or not; `*p` and `*n` become its plain bytes (of a compressed snapshot: the first of them).
static int chain_message(chain *c, int compressed, const uint8_t **p, size_t *n) {
  static uint8_t plain[4 << 20]; const size_t first = 4096; long k;
  if (compressed) {
    told.compressed++; k = inflated(*p, *n, plain, first);
    if (k > 18 && (memcmp(plain, "{\"type\":\"snapshot\"", 18) || !memmem(plain, k, "\"parts\":", 8))) k = inflated(*p, *n, plain, sizeof plain);
    if (k < 0) { told.unread++; return SAID_OTHER; }
    *p = plain; *n = k;
  }
  return chain_frame(c, *p, *n);
}
