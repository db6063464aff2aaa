/* The parts of system.c, each in a file of its own. */
#ifndef GREBE_SYSTEM_H
#define GREBE_SYSTEM_H

#include "addon.h"

void init_readiness(napi_env env, napi_value exports);  /* readiness.c: descriptors on the event loop */
void init_privileges(napi_env env, napi_value exports); /* privileges.c: capabilities, execve */

#endif
