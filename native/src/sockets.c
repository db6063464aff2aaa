#define _GNU_SOURCE
#include "addon.h"

void init_sockets(napi_env env, napi_value exports) {}
