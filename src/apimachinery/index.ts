/**
 * apimachinery/: what every part of a cluster speaks, and what speaks to nobody. No I/O, no state but pure memos, no
 * import from another folder.
 *
 *   clock/, random.ts      the only sources of time and chance
 *   meta.ts, json.ts       API objects as immutable JSON values
 *   schema/                every type of Kubernetes 1.36 as data; decoding of objects against it
 *   patch/                 JSON patch, merge patch, strategic merge patch
 *   apply/                 server-side apply: who owns which field, typed merge, conflicts
 *   protobuf/              bodies in Kubernetes' protobuf as the JSON objects that they stand for; loaded when the first comes
 *   validation/            field errors, names, metadata, label selectors
 *   quantity.ts, time.ts, selector.ts, field-selector.ts, json-path.ts   the small languages of the API
 *   kind-names.ts          the names that people use for kinds
 *   status-error.ts        API errors with Kubernetes' reasons
 *   api-request.ts, user.ts, node-connector.ts, log.ts     contracts between the layers
 *
 * Invariants: whoever changes an object makes a new one, and functions here share what did not change; every text that
 * a user may see is Kubernetes' own; nothing reads the machine's clock or its entropy except the two implementations.
 */
export type { ApiRequest, ApiResponse, PatchType, RequestOptions, Verb, WatchEvent, WatchHandle, WatchSink } from "./api-request.ts";
export { type Clock, sleep, type Timer } from "./clock/clock.ts";
export { VirtualClock } from "./clock/virtual-clock.ts";
export { WallClock } from "./clock/wall-clock.ts";
export { type FieldRequirement, type FieldSelectorMatcher, parseFieldSelector } from "./field-selector.ts";
export { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from "./json.ts";
export { type Logger, silentLog } from "./log.ts";
export { type GroupVersionKind, type GroupVersionResource, type KubeList, type KubeObject, objectKey } from "./meta.ts";
export { applyJsonPatch } from "./patch/json-patch.ts";
export { applyMergePatch } from "./patch/merge-patch.ts";
export { applyStrategicMergePatch } from "./patch/strategic-merge-patch.ts";
export {
	addQuantities,
	canonicalQuantity,
	compareQuantities,
	formatQuantity,
	parseQuantity,
	type Quantity,
	QuantityError,
	quantityToMilli,
	quantityToNumber,
	subtractQuantities,
} from "./quantity.ts";
export { createEntropyRandom, type Random, SeededRandom } from "./random.ts";
export type * as api from "./schema/generated/types.ts";
export {
	type LabelSelectorMatcher,
	labelSelectorFromObject,
	parseLabelSelector,
	SelectorError,
	selectorFromMap,
} from "./selector.ts";
export { isStatusError, StatusError, type StatusReason } from "./status-error.ts";
export { formatDuration, formatGoDuration, formatTime, parseGoDuration, parseTime } from "./time.ts";
