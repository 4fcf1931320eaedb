import { expect, test } from "vitest";
import { createControllers } from "../../src/controllers/controllers.ts";
import { lives } from "./lives/index.ts";

/** Not under the properties yet: see docs/status.md. */
const withoutLife = [
	"persistentvolume-binder-controller",
	"persistentvolume-attach-detach-controller",
	"persistentvolume-expander-controller",
	"kubesim-csi-driver",
	"horizontal-pod-autoscaler-controller",
	"service-cidr-controller",
	"resourceclaim-controller",
	"device-taint-eviction-controller",
];

test("every built-in controller has a life, or is known to have none yet", () => {
	const none = () => "";
	const names = createControllers({ rootCa: none, signCertificate: none, signServiceAccountToken: none }).map(({ name }) => name);
	expect([...Object.keys(lives), ...withoutLife].sort()).toEqual([...names].sort());
});
