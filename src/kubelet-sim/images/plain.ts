/** Images without a server: busybox, alpine, debian and ubuntu, pause, and whatever kubesim does not know. */

import type { Program } from "../../host/index.ts";
import { TreeBuilder, writeText } from "../../host/index.ts";
import { alpine, busyboxFiles, debian, imageBuiltMs, withBindTools } from "./base.ts";
import { type Image, once } from "./image.ts";

const busyboxPath = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

export const busyboxImage: Image = {
	repositories: [
		"docker.io/library/busybox",
		"registry.k8s.io/busybox",
		"gcr.io/google-containers/busybox",
		"k8s.gcr.io/busybox",
		"registry.k8s.io/e2e-test-images/busybox",
		"quay.io/prometheus/busybox",
		"public.ecr.aws/docker/library/busybox",
	],
	sizeBytes: 2_223_686,
	config: { cmd: ["sh"], env: busyboxPath, workingDir: "/" },
	files: once(() => busyboxFiles().build()),
};

/** Until 1.28, which the documentation of Kubernetes uses for nslookup. */
export const oldBusyboxImage: Image = {
	...busyboxImage,
	hasTag: (tag) => /^1\.(1?\d|2[0-8])(\.\d{1,2})?(-|$)/.test(tag),
	files: once(() => busyboxFiles(true).build()),
};

export const alpineImage: Image = {
	repositories: ["docker.io/library/alpine", "public.ecr.aws/docker/library/alpine"],
	sizeBytes: 3_799_689,
	config: { cmd: ["/bin/sh"], env: busyboxPath, workingDir: "/" },
	files: once(() => alpine().build()),
};

export const debianImage: Image = {
	repositories: ["docker.io/library/debian", "docker.io/library/ubuntu", "public.ecr.aws/docker/library/debian"],
	sizeBytes: 49_287_462,
	config: { cmd: ["bash"], env: busyboxPath, workingDir: "/" },
	files: once(() => debian().build()),
	hasTag: (tag) => !/\d{3,}/.test(tag.replace(/20\d{6}/, "")),
};

/** curl's own image: `kubectl run … --image=curlimages/curl`. */
export const curlImage: Image = {
	repositories: ["docker.io/curlimages/curl", "docker.io/radial/busyboxplus"],
	sizeBytes: 9_482_733,
	config: { entrypoint: ["/entrypoint.sh"], cmd: ["curl"], env: busyboxPath, workingDir: "/home/curl_user", user: "curl_user" },
	files: once(() => alpine(["curl"]).directory("/home/curl_user").file("/entrypoint.sh", '#!/bin/sh\nexec "$@"\n', 0o755).build()),
};

/** What the documentation looks up names with. https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/ */
export const dnsutilsImage: Image = {
	repositories: ["registry.k8s.io/e2e-test-images/jessie-dnsutils", "gcr.io/kubernetes-e2e-test-images/dnsutils"],
	sizeBytes: 112_000_000,
	config: { cmd: ["sleep", "infinity"], env: busyboxPath, workingDir: "/" },
	files: once(() => debian(["curl", "dig", "host", "nslookup"]).build()),
};

/** All that there is for looking at networks. */
export const netshootImage: Image = {
	repositories: ["docker.io/nicolaka/netshoot", "ghcr.io/nicolaka/netshoot"],
	sizeBytes: 201_000_000,
	config: { cmd: ["zsh"], env: busyboxPath, workingDir: "/root" },
	files: once(() =>
		withBindTools(alpine(["curl", "ip", "iptables", "iptables-save", "jq", "ss"]))
			.program("/usr/bin/ping", "iputils-ping")
			.program("/bin/bash", "bash")
			.program("/bin/zsh", "bash")
			.build(),
	),
	hasTag: () => true,
};

/** What a real kubectl would have to be for: see `curl`. */
const noKubectl: Program = async ({ stderr }) => {
	await writeText(
		stderr,
		"kubectl: kubesim runs no kubectl in containers: use curl with the pod's token (docs/networking.md), or your own kubectl outside\n",
	);
	return 1;
};

/** What people ask the API with from inside: there is a shell, and curl, and a kubectl that says what it is not. */
export const kubectlImage: Image = {
	repositories: [
		"docker.io/bitnami/kubectl",
		"docker.io/bitnamilegacy/kubectl",
		"docker.io/rancher/kubectl",
		"docker.io/alpine/kubectl",
		"registry.k8s.io/kubectl",
	],
	sizeBytes: 57_000_000,
	config: { entrypoint: ["kubectl"], cmd: ["--help"], env: busyboxPath, workingDir: "/", user: "1001" },
	files: once(() => debian(["curl"]).program("/usr/local/bin/kubectl", "kubectl").build()),
	programs: { kubectl: noKubectl },
	hasTag: () => true,
};

/** Waits for a signal and ends well. */
const waitForSignal: Program = ({ process }) =>
	new Promise((resolve) => {
		process.onSignal("TERM", () => resolve(0));
		process.onSignal("INT", () => resolve(0));
	});

export const pauseImage: Image = {
	repositories: [
		"registry.k8s.io/pause",
		"k8s.gcr.io/pause",
		"gcr.io/google_containers/pause",
		"gcr.io/google-containers/pause",
		"docker.io/rancher/mirrored-pause",
	],
	sizeBytes: 319_961,
	config: {
		entrypoint: ["/pause"],
		user: "65535",
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
		workingDir: "/",
	},
	files: once(() => new TreeBuilder(imageBuiltMs).program("/pause", "pause").build()),
	programs: { pause: waitForSignal },
	usage: { cores: 0, memoryBytes: 256 * 1024 },
};

/**
 * What runs for an image that kubesim does not know: a Debian with the usual commands, whose main process waits for a
 * signal. A container's own `command` runs in its shell like any other.
 */
export const unknownImage: Image = {
	repositories: [],
	sizeBytes: 48_000_000,
	config: { entrypoint: ["/entrypoint"], env: busyboxPath, workingDir: "/" },
	files: once(() => debian(["curl", "dig", "host", "nslookup", "ping", "ps", "wget"]).program("/entrypoint", "wait-for-signal").build()),
	programs: { "wait-for-signal": waitForSignal },
	usage: { cores: 0.001, memoryBytes: 12 * 1024 * 1024, isGuess: true },
	hasTag: () => true,
};
