/** kubesim/testing: what needs fast-check, and matchers. */
export { type ControllerCheck, checkController, PropertyError } from "./testbench/check-controller.ts";
export { type EventPattern, kubernetesMatchers } from "./testbench/matchers.ts";
export {
	applying,
	deleting,
	describeSchedule,
	faultPlans,
	jumpingClock,
	losingNode,
	losingStoreMember,
	returningNode,
	returningStoreMembers,
	type Schedule,
	type ScheduleOptions,
	type Step,
	schedules,
	type UserAction,
} from "./testbench/schedules.ts";
export { validKinds, validObject } from "./testbench/valid-objects/valid-object.ts";
