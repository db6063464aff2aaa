/** Functions of native/src/sockets.c. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface SocketCalls {}
