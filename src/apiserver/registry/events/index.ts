/** The kinds of events.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { event } from "./event.ts";

export const eventsKinds: readonly KindDefinition[] = [event];
