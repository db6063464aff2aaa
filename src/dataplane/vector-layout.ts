/**
 * How a PacketVector lies in the memory of its pool: words from the vector's base. The flat loops address
 * its fields as words of the pool, the one array that they know (decap.ts says why).
 */

/** Packets in a full vector. */
export const VECTOR_SIZE = 256;

/** Extra packets (fragments, ICMP errors) that one vector can give birth to. */
export const EXTRA_SIZE = 2048;

const HEADER_WORDS = 16;
const FIRST_EXTRA = HEADER_WORDS + 11 * VECTOR_SIZE;
const FIRST_BODY = FIRST_EXTRA + 6 * EXTRA_SIZE;

/** First word of each array of VECTOR_SIZE (EXTRA_…: EXTRA_SIZE) words, and of the counts. */
export const VectorField = {
  COUNT: 0,
  EXTRA_COUNT: 1,
  EXTRA_SLOTS_USED: 2,
  /** Row of the next-hop groups by which this vector is routed. */
  VIEW: 3,
  /** Not 0: PIN holds next hops for this run. */
  PINNED: 4,
  /** Not 0: some packets may have a body elsewhere. */
  BODIES: 5,
  /** Not 0: the packets are large segments; and how many of those received the pipeline refused. */
  LARGE: 6,
  REFUSED: 7,
  HANDOVER: 8,
  /** Not 0: whoever receives may put large segments into the vector. */
  TAKES_LARGE: 9,
  /** Bits by side: whether anything leaves there. */
  LEAVES: 10,
  OFFSET: HEADER_WORDS,
  LENGTH: HEADER_WORDS + VECTOR_SIZE,
  LINK: HEADER_WORDS + 2 * VECTOR_SIZE,
  SIDE: HEADER_WORDS + 3 * VECTOR_SIZE,
  VERDICT: HEADER_WORDS + 4 * VECTOR_SIZE,
  TUNNEL_IN: HEADER_WORDS + 5 * VECTOR_SIZE,
  TUNNEL_OUT: HEADER_WORDS + 6 * VECTOR_SIZE,
  OUT_OFFSET: HEADER_WORDS + 7 * VECTOR_SIZE,
  OUT_LENGTH: HEADER_WORDS + 8 * VECTOR_SIZE,
  OUT_LINK: HEADER_WORDS + 9 * VECTOR_SIZE,
  PIN: HEADER_WORDS + 10 * VECTOR_SIZE,
  EXTRA_PARENT: FIRST_EXTRA,
  EXTRA_OFFSET: FIRST_EXTRA + EXTRA_SIZE,
  EXTRA_LENGTH: FIRST_EXTRA + 2 * EXTRA_SIZE,
  EXTRA_LINK: FIRST_EXTRA + 3 * EXTRA_SIZE,
  EXTRA_SIDE: FIRST_EXTRA + 4 * EXTRA_SIZE,
  EXTRA_TUNNEL: FIRST_EXTRA + 5 * EXTRA_SIZE,
  BODY_OFFSET: FIRST_BODY,
  BODY_LENGTH: FIRST_BODY + VECTOR_SIZE,
} as const;

/** Words of a vector: whole cache lines, and an odd number of them. */
export const VECTOR_WORDS = FIRST_BODY + 2 * VECTOR_SIZE;
