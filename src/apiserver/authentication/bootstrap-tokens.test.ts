import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import { bootstrapTokenAuthenticator } from "./bootstrap-tokens.ts";

const token = "abcdef.0123456789abcdef";
const clock = new VirtualClock(Date.UTC(2026, 0, 1));
const good: Readonly<Record<string, string>> = {
	"token-id": "abcdef",
	"token-secret": "0123456789abcdef",
	"usage-bootstrap-authentication": "true",
};

function verdict(data: Readonly<Record<string, string>>, secret: Partial<Secret> = {}, sent = token) {
	const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]));
	const stored: Secret = {
		metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system" },
		type: "bootstrap.kubernetes.io/token",
		data: encoded,
		...secret,
	};
	const findSecret = (name: string) => (name === stored.metadata?.name ? stored : undefined);
	return bootstrapTokenAuthenticator({ clock, findSecret }).authenticateToken(sent, ["api"]);
}

test.each([
	["a plain one", {}, ["system:bootstrappers"]],
	[
		"one with groups, in order and once",
		{ "auth-extra-groups": "system:bootstrappers:workers,system:bootstrappers:kubeadm:default-node-token,system:bootstrappers:workers" },
		["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:bootstrappers:workers"],
	],
	["one that is still good", { expiration: "2026-01-01T00:00:01Z" }, ["system:bootstrappers"]],
])("%s lets its bearer in", (_what, more, groups) => {
	expect(verdict({ ...good, ...more })).toEqual({ user: { name: "system:bootstrap:abcdef", groups } });
});

test.each<[string, Readonly<Record<string, string>>, Partial<Secret>?, string?]>([
	["another secret", { ...good, "token-secret": "0123456789abcdeF" }],
	["a shorter secret", { ...good, "token-secret": "0123456789abcde" }],
	["another id than its name's", { ...good, "token-id": "abcdeg" }],
	["an end that is now", { ...good, expiration: "2026-01-01T00:00:00Z" }],
	["an unreadable end", { ...good, expiration: "tomorrow" }],
	["another use", { ...good, "usage-bootstrap-authentication": "True" }],
	["a group that is not for bootstrappers", { ...good, "auth-extra-groups": "system:bootstrappers:a,system:masters" }],
	["another type", good, { type: "Opaque" }],
	["its deletion under way", good, { metadata: { name: "bootstrap-token-abcdef", deletionTimestamp: "2026-01-01T00:00:00Z" } }],
	["no Secret", good, {}, "ghijkl.0123456789abcdef"],
	["letters in capitals", good, {}, "ABCDEF.0123456789abcdef"],
	["something behind it", good, {}, `${token}0`],
])("one with %s is nobody's", (_what, data, secret, sent) => {
	expect(verdict(data, secret, sent)).toBeUndefined();
});
