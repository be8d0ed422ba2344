/* SPDX-License-Identifier: Apache-2.0 */
/* The hypercalls of Mullion: at most six, ever. VMMCALL or VMCALL with the number in EAX. */
#pragma once

/* None is needed so far: a guest that makes one gets #UD, as on bare hardware. */
enum mullion_call { MULLION_CALL_COUNT = 0 };
