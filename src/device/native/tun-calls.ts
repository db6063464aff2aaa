/** Functions of native/src/tun.c. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface TunCalls {}
