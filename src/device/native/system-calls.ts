/** Functions of native/src/system.c. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface SystemCalls {}
