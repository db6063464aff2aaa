/** Functions of native/src/xdp.c. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface XdpCalls {}
