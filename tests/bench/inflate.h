// A small inflate, so that the load client can read compressed frames without a library: stored, fixed and dynamic blocks.
// Each frame stands alone (no context takeover), which is what one deflated frame for all screens means.
#include <stdint.h>
#include <string.h>

typedef struct { const uint8_t *p, *e; uint32_t bits; int n; uint8_t *out; size_t at, cap; } unpack;
typedef struct { uint16_t count[16], symbol[288]; } codes;

static int take(unpack *u, int need) {                  // -1: no more input
  while (u->n < need) { if (u->p == u->e) return -1; u->bits |= (uint32_t)*u->p++ << u->n; u->n += 8; }
  int v = u->bits & ((1u << need) - 1); u->bits >>= need; u->n -= need; return v;
}
static int symbol(unpack *u, const codes *c) {
  int code = 0, first = 0, index = 0;
  for (int len = 1; len < 16; len++) {
    int b = take(u, 1); if (b < 0) return -1;
    code |= b; int count = c->count[len];
    if (code - count < first) return c->symbol[index + (code - first)];
    index += count; first = (first + count) << 1; code <<= 1;
  }
  return -1;
}
static void build(codes *c, const uint8_t *lengths, int n) {
  uint16_t at[16] = {0}; memset(c->count, 0, sizeof c->count);
  for (int i = 0; i < n; i++) c->count[lengths[i]]++;
  c->count[0] = 0;
  for (int i = 1; i < 15; i++) at[i + 1] = at[i] + c->count[i];
  for (int i = 0; i < n; i++) if (lengths[i]) c->symbol[at[lengths[i]]++] = i;
}
static int copied(unpack *u, const codes *lit, const codes *dist) {   // one block; 1: the room is full
  static const uint16_t lb[] = {3,4,5,6,7,8,9,10,11,13,15,17,19,23,27,31,35,43,51,59,67,83,99,115,131,163,195,227,258};
  static const uint8_t le[] = {0,0,0,0,0,0,0,0,1,1,1,1,2,2,2,2,3,3,3,3,4,4,4,4,5,5,5,5,0};
  static const uint16_t db[] = {1,2,3,4,5,7,9,13,17,25,33,49,65,97,129,193,257,385,513,769,1025,1537,2049,3073,4097,6145,8193,12289,16385,24577};
  static const uint8_t de[] = {0,0,0,0,1,1,2,2,3,3,4,4,5,5,6,6,7,7,8,8,9,9,10,10,11,11,12,12,13,13};
  for (;;) {
    int s = symbol(u, lit); if (s < 0) return -1;
    if (s == 256) return 0;
    if (s < 256) { if (u->at == u->cap) return 1; u->out[u->at++] = s; continue; }
    if (s > 285) return -1;
    int x = take(u, le[s - 257]), d = symbol(u, dist); if (x < 0 || d < 0 || d > 29) return -1;
    int y = take(u, de[d]); if (y < 0) return -1;
    size_t len = lb[s - 257] + x, back = db[d] + y; if (back > u->at) return -1;
    while (len--) { if (u->at == u->cap) return 1; u->out[u->at] = u->out[u->at - back]; u->at++; }
  }
}
static int tables(unpack *u, codes *lit, codes *dist) {
  static const uint8_t order[] = {16,17,18,0,8,7,9,6,10,5,11,4,12,3,13,2,14,1,15}; uint8_t len[320] = {0};
  int nlit = take(u, 5) + 257, ndist = take(u, 5) + 1, ncode = take(u, 4) + 4, i = 0;
  if (nlit > 286 || ndist > 30) return -1;
  for (; i < ncode; i++) { int v = take(u, 3); if (v < 0) return -1; len[order[i]] = v; }
  build(lit, len, 19); memset(len, 0, 19); i = 0;
  while (i < nlit + ndist) {
    int s = symbol(u, lit), times, value = 0; if (s < 0) return -1;
    if (s < 16) { len[i++] = s; continue; }
    if (s == 16) { if (!i) return -1; value = len[i - 1]; times = 3 + take(u, 2); }
    else times = s == 17 ? 3 + take(u, 3) : 11 + take(u, 7);
    if (i + times > nlit + ndist) return -1;
    while (times-- > 0) len[i++] = value;
  }
  build(lit, len, nlit); build(dist, len + nlit, ndist); return 0;
}
// The first `cap` bytes of a deflated message; the number of bytes, or -1 when it can't be read.
static long inflated(const uint8_t *p, size_t n, uint8_t *out, size_t cap) {
  unpack u = {.p = p, .e = p + n, .out = out, .cap = cap}; static codes lit, dist;
  for (;;) {
    int last = take(&u, 1), kind = take(&u, 2), full = 0;
    if (last < 0 || kind < 0) return u.at;               // the sender cut the empty block at the end off
    if (kind == 0) {
      u.bits = 0; u.n = 0; if (u.e - u.p < 4) return u.at;
      size_t len = u.p[0] | u.p[1] << 8; u.p += 4;
      if ((size_t)(u.e - u.p) < len) return -1;
      if (len > u.cap - u.at) len = u.cap - u.at, full = 1;
      memcpy(u.out + u.at, u.p, len); u.at += len; u.p += len;
    } else if (kind == 1) {
      uint8_t len[288]; memset(len, 8, 144); memset(len + 144, 9, 112); memset(len + 256, 7, 24); memset(len + 280, 8, 8);
      build(&lit, len, 288); memset(len, 5, 30); build(&dist, len, 30); full = copied(&u, &lit, &dist);
    } else if (kind == 2) { if (tables(&u, &lit, &dist)) return -1; full = copied(&u, &lit, &dist); }
    else return -1;
    if (full < 0) return -1;
    if (full || last) return u.at;
  }
}
