/**
 * kubesim-csi-driver: the controller side of the simulated CSI driver (apimachinery/storage/disk-driver.ts), with its three sidecars. Not a
 * part of kube-controller-manager, but turned off like one: claims of its class then wait for their provisioner, as in a cluster whose driver
 * is down.
 */
import type { Controller } from "../controller.ts";
import { runAttacher } from "./attacher.ts";
import { runProvisioner } from "./provisioner.ts";
import { runResizer } from "./resizer.ts";

export const csiDriver: Controller = {
	name: "kubesim-csi-driver",
	run: async (context, signal) => {
		await Promise.all([runProvisioner(context, signal), runAttacher(context, signal), runResizer(context, signal)]);
	},
};
