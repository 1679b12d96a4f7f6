/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operations: what the process tells those who look after it: /healthz (it turns), /readyz (its
 * caches are filled, and if not, which are missing and why), /metrics (Prometheus), and
 * /debug/plan?runtime=NAMESPACE/NAME (what it would write now, and why).
 */
#ifndef CORE_CMD_OPERATIONS_H
#define CORE_CMD_OPERATIONS_H

struct arena;
struct local_http_answer;
struct local_http_question;

/* For local_http_options; `context` is the struct daemon. */
void operations_answer(void *context, const struct local_http_question *question,
                       struct arena *arena, struct local_http_answer *ret_answer);

#endif
