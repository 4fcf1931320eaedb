import { expect, test } from "vitest";
import { openStoreConfig, planStore, type StoreConfig, type StoreOptions } from "./store-config.ts";

const endpoints = ["http://127.0.0.1:2379"];
const known: StoreConfig = { endpoints, caFile: "/ca.crt", username: "kubesim" };

const plans: readonly (readonly [string, StoreOptions, StoreConfig | undefined, StoreConfig | string | undefined])[] = [
	["nothing asked, nothing known", {}, undefined, undefined],
	["an etcd", { store: "etcd", etcdEndpoints: endpoints }, undefined, { endpoints }],
	["what it had before", {}, known, known],
	["other endpoints than before", { etcdEndpoints: ["https://etcd:2379"] }, known, { ...known, endpoints: ["https://etcd:2379"] }],
	["its own store, from now on", { store: "local" }, known, undefined],
	[
		"a password, which is not kept",
		{ store: "etcd", etcdEndpoints: endpoints, etcdUsername: "u", etcdPassword: "p" },
		undefined,
		{ endpoints, username: "u" },
	],
	[
		"files, wherever the next start is made",
		{ store: "etcd", etcdEndpoints: endpoints, etcdCafile: "/a/../ca.crt" },
		undefined,
		{ endpoints, caFile: "/ca.crt" },
	],
	["no endpoints", { store: "etcd" }, undefined, "--store etcd needs to know where etcd is"],
	["endpoints without --store", { etcdEndpoints: endpoints }, undefined, "the --etcd-… options are for --store etcd"],
	["half a certificate", { store: "etcd", etcdEndpoints: endpoints, etcdCertfile: "c" }, undefined, "a client certificate is two files"],
	["nobody's password", { store: "etcd", etcdEndpoints: endpoints, etcdPassword: "p" }, undefined, "a password is somebody's"],
];

test.each(plans)("plans %s", (_, options, before, expected) => {
	const plan = () => planStore(options, before);
	if (typeof expected === "string") expect(plan).toThrow(expected);
	else expect(plan()).toEqual(expected);
});

test("opens it with the password of the environment, and not without", () => {
	expect(openStoreConfig({ endpoints, username: "u" }, { KUBESIM_ETCD_PASSWORD: "p" })).toEqual({
		type: "etcd",
		endpoints,
		credentials: { username: "u", password: "p" },
	});
	expect(openStoreConfig({ endpoints }, { KUBESIM_ETCD_PASSWORD: "p" })).toEqual({ type: "etcd", endpoints });
	expect(() => openStoreConfig({ endpoints, username: "u" }, {})).toThrow("the password of etcd's user u is not known");
	expect(() => openStoreConfig({ endpoints, caFile: "/nowhere/ca.crt" }, {})).toThrow("can't read /nowhere/ca.crt: ENOENT");
});
