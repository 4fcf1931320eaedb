/**
 * Who may do what with the roles that a cluster is born with and some of its own: one line a subject, resource and
 * place, with the verbs that it may use; all other verbs it may not.
 *
 * The expectations come from https://kubernetes.io/docs/reference/access-authn-authz/rbac/ (default roles, referring to
 * resources, to names and to subjects) and https://kubernetes.io/docs/reference/access-authn-authz/authorization/.
 */
import { describe, expect, it } from "vitest";
import type { UserInfo } from "../../apimachinery/user.ts";
import { bootstrapObjects } from "../bootstrap/index.ts";
import {
	account,
	asAccount,
	asGroup,
	asUser,
	clusterRole,
	clusterRoleBinding,
	person,
	RbacKit,
	role,
	roleBinding,
	rule,
} from "./rbac.test-kit.ts";

const kit = new RbacKit([
	...bootstrapObjects({ nowMs: 0 }),
	role("dev", "pod-reader", rule("get list watch", "pods"), rule("get", "pods/log")),
	role("dev", "one-config", rule("get update patch list watch", "configmaps", "", "app-config")),
	role("dev", "all-groups", rule("get", "jobs", "*")),
	role("dev", "star-verb", rule("*", "leases", "coordination.k8s.io")),
	role("dev", "star-resource", rule("get", "*", "apps")),
	role("dev", "log-only", rule("get", "pods/log")),
	clusterRole("node-viewer", rule("get list watch", "nodes")),
	clusterRole("scaler", rule("get update patch", "*/scale", "*")),
	clusterRole("two-secrets", rule("get", "secrets", "", "tls token")),
	clusterRole("binder", rule("bind", "clusterroles", "rbac.authorization.k8s.io", "view")),
	clusterRole("impersonator", rule("impersonate", "users", "", "vera"), rule("impersonate", "groups")),
	clusterRole("empty"),
	roleBinding("dev", "view", "ClusterRole/view", asUser("vera")),
	roleBinding("dev", "edit", "ClusterRole/edit", asGroup("developers")),
	roleBinding("dev", "admin", "ClusterRole/admin", asUser("ada")),
	roleBinding("dev", "pods", "Role/pod-reader", asAccount("ci"), asAccount("bot", "ops")),
	roleBinding("dev", "config", "Role/one-config", asUser("conrad")),
	roleBinding("dev", "nodes", "ClusterRole/node-viewer", asUser("nick")),
	roleBinding("dev", "jobs", "Role/all-groups", asUser("joan")),
	roleBinding("dev", "leases", "Role/star-verb", asUser("leo")),
	roleBinding("dev", "apps", "Role/star-resource", asUser("apollo")),
	roleBinding("dev", "logs", "Role/log-only", asUser("lola")),
	roleBinding("dev", "ghost", "Role/missing", asUser("greta")),
	roleBinding("prod", "view", "ClusterRole/view", asUser("vera")),
	clusterRoleBinding("root", "cluster-admin", asUser("root")),
	clusterRoleBinding("auditor", "view", asUser("audra")),
	clusterRoleBinding("infra", "node-viewer", asGroup("infra")),
	clusterRoleBinding("scale", "scaler", asUser("sam")),
	clusterRoleBinding("secrets", "two-secrets", asUser("sylvia")),
	clusterRoleBinding("bind", "binder", asUser("bob")),
	clusterRoleBinding("act-as", "impersonator", asUser("ian")),
	clusterRoleBinding("nothing", "empty", asUser("eve")),
	clusterRoleBinding("lost-account", "view", asAccount("ci")),
]);

const users: Readonly<Record<string, UserInfo>> = {
	vera: person("vera"),
	dan: person("dan", "developers"),
	ada: person("ada"),
	ci: account("dev", "ci"),
	bot: account("ops", "bot"),
	"other-ci": account("ops", "ci"),
	conrad: person("conrad"),
	nick: person("nick"),
	nora: person("nora", "infra"),
	joan: person("joan"),
	leo: person("leo"),
	apollo: person("apollo"),
	lola: person("lola"),
	greta: person("greta"),
	root: person("root"),
	audra: person("audra"),
	sam: person("sam"),
	sylvia: person("sylvia"),
	bob: person("bob"),
	ian: person("ian"),
	eve: person("eve"),
	stranger: person("stranger"),
	anonymous: { name: "system:anonymous", groups: ["system:unauthenticated"] },
	// Same name as a group, and the reverse: kinds of subjects are told apart.
	developers: person("developers"),
	"in-vera": person("x", "vera"),
	scheduler: person("system:kube-scheduler"),
	manager: person("system:kube-controller-manager"),
	deployments: account("kube-system", "deployment-controller"),
	collector: account("kube-system", "generic-garbage-collector"),
};

const R = "get list watch";
const W = "create update patch delete deletecollection";
const RW = `${R} ${W}`;
const verbs = RW.split(" ");

/** subject, resource[.group][/subresource], namespace ("-": the whole cluster), name ("-": none), verbs that are allowed */
const table = `
	vera      pods                          dev   -  ${R}
	vera      pods                          prod  -  ${R}
	vera      pods                          test  -
	vera      pods                          -     -
	vera      pods/log                      dev   a  ${R}
	vera      pods/exec                     dev   a
	vera      secrets                       dev   s
	vera      configmaps                    dev   c  ${R}
	vera      deployments.apps              dev   d  ${R}
	vera      deployments.apps/scale        dev   d  ${R}
	vera      deployments.extensions        dev   d  ${R}
	vera      roles.rbac.authorization.k8s.io dev -
	vera      namespaces                    dev   dev ${R}
	vera      namespaces                    -     -
	vera      nodes                         -     -
	vera      resourcequotas                dev   -  ${R}
	vera      events                        dev   -  ${R}
	dan       pods                          dev   a  ${RW}
	dan       pods/exec                     dev   a  ${RW}
	dan       pods/eviction                 dev   a  create
	dan       pods/status                   dev   a  ${R}
	dan       secrets                       dev   s  ${RW}
	dan       serviceaccounts/token         dev   s  create
	dan       deployments.apps              dev   d  ${RW}
	dan       leases.coordination.k8s.io    dev   -  ${RW}
	dan       endpoints                     dev   -  ${R}
	dan       roles.rbac.authorization.k8s.io dev -
	dan       resourcequotas                dev   -  ${R}
	dan       pods                          prod  a
	dan       namespaces                    dev   dev ${R}
	ada       roles.rbac.authorization.k8s.io dev -  ${RW}
	ada       rolebindings.rbac.authorization.k8s.io dev - ${RW}
	ada       clusterroles.rbac.authorization.k8s.io - -
	ada       localsubjectaccessreviews.authorization.k8s.io dev - create
	ada       subjectaccessreviews.authorization.k8s.io - -
	ada       secrets                       dev   -  ${RW}
	ada       namespaces                    dev   dev ${R}
	ada       resourcequotas                dev   -  ${R}
	ci        pods                          dev   a  ${R}
	ci        pods/log                      dev   a  get
	ci        pods                          ops   a
	ci        configmaps                    dev   a
	bot       pods                          dev   a  ${R}
	bot       pods                          ops   a
	other-ci  pods                          dev   a
	conrad    configmaps                    dev   app-config  get list watch update patch
	conrad    configmaps                    dev   other
	conrad    configmaps                    dev   -
	conrad    configmaps                    prod  app-config
	nick      nodes                         -     n
	nora      nodes                         -     n  ${R}
	nora      nodes/status                  -     n
	joan      jobs.batch                    dev   j  get
	joan      jobs.example.com              dev   j  get
	joan      jobs                          dev   j  get
	joan      cronjobs.batch                dev   j
	leo       leases.coordination.k8s.io    dev   l  ${RW}
	leo       leases                        dev   l
	apollo    deployments.apps              dev   d  get
	apollo    deployments.apps/scale        dev   d  get
	apollo    jobs.batch                    dev   j
	lola      pods/log                      dev   a  get
	lola      pods                          dev   a
	greta     pods                          dev   a
	root      secrets                       kube-system s ${RW}
	root      anything.example.com/some     -     x  ${RW}
	root      nodes                         -     n  ${RW}
	audra     pods                          dev   -  ${R}
	audra     pods                          -     -  ${R}
	audra     secrets                       -     -
	audra     namespaces                    -     -  ${R}
	audra     nodes                         -     -
	sam       deployments.apps/scale        dev   d  get update patch
	sam       replicationcontrollers/scale  prod  r  get update patch
	sam       widgets.example.com/scale     x     w  get update patch
	sam       deployments.apps              dev   d
	sam       deployments.apps/status       dev   d
	sylvia    secrets                       dev   tls    get
	sylvia    secrets                       prod  token  get
	sylvia    secrets                       prod  other
	sylvia    secrets                       prod  -
	eve       pods                          dev   a
	stranger  pods                          dev   a
	stranger  selfsubjectaccessreviews.authorization.k8s.io - - create
	stranger  selfsubjectrulesreviews.authorization.k8s.io - - create
	stranger  selfsubjectreviews.authentication.k8s.io - - create
	stranger  subjectaccessreviews.authorization.k8s.io - -
	anonymous selfsubjectaccessreviews.authorization.k8s.io - -
	anonymous pods                          dev   a
	anonymous configmaps                    kube-public cluster-info get
	anonymous configmaps                    kube-public other
	developers pods                         dev   a
	in-vera   pods                          dev   a
	scheduler pods                          dev   a  get list watch delete
	scheduler pods/binding                  dev   a  create
	scheduler pods/status                   dev   a  update patch
	scheduler secrets                       dev   a
	scheduler leases.coordination.k8s.io    kube-system kube-scheduler create get update
	scheduler leases.coordination.k8s.io    kube-system other create
	scheduler persistentvolumes             -     -  get list watch update patch
	manager   secrets                       dev   a  get list watch create update delete
	manager   widgets.example.com           dev   a  list watch
	deployments replicasets.apps            dev   a  ${R} create update patch delete
	deployments deployments.apps/status     dev   a  update
	deployments pods                        dev   a  ${R} update
	deployments secrets                     dev   a
	collector widgets.example.com           dev   a  ${R} update patch delete
`;

const lines = table
	.trim()
	.split("\n")
	.map((line) => line.trim().split(/\s+/));
const rows = lines.flatMap(([subject = "", target = "", namespace = "", name = "", ...may]) =>
	verbs.map((verb) => [subject, verb, target, namespace, name, may.includes(verb)] as const),
);

describe(`${rows.length} questions about resources`, () => {
	it.each(rows)("%s %s %s in %s, %s: %s", (subject, verb, target, namespace, name, expected) => {
		const user = users[subject];
		if (user === undefined) throw new Error(`no such user: ${subject}`);
		const decision = kit.ask(user, verb, target, namespace === "-" ? "" : namespace, name === "-" ? "" : name);
		expect(decision.verdict).toBe(expected ? "allow" : "undecided");
	});

	it("are at least three hundred, and one in four is a yes", () => {
		expect(rows.length).toBeGreaterThanOrEqual(300);
		expect(rows.filter((row) => row[5]).length).toBeGreaterThan(rows.length / 4);
	});
});

it.each([
	["bob", "bind", "clusterroles.rbac.authorization.k8s.io", "", "view", true],
	["bob", "bind", "clusterroles.rbac.authorization.k8s.io", "dev", "view", true],
	["bob", "bind", "clusterroles.rbac.authorization.k8s.io", "", "edit", false],
	["bob", "escalate", "clusterroles.rbac.authorization.k8s.io", "", "view", false],
	["ian", "impersonate", "users", "", "vera", true],
	["ian", "impersonate", "users", "", "root", false],
	["ian", "impersonate", "groups", "", "anybody", true],
	["ian", "impersonate", "serviceaccounts", "dev", "ci", false],
	["dan", "impersonate", "serviceaccounts", "dev", "ci", true],
	["dan", "impersonate", "serviceaccounts", "prod", "ci", false],
	["root", "impersonate", "userextras.authentication.k8s.io/scopes", "", "all", true],
	["root", "use", "podsecuritypolicies.policy", "", "x", true],
	["ada", "escalate", "roles.rbac.authorization.k8s.io", "dev", "r", false],
] as const)("%s %s %s in '%s', %s: %s", (subject, verb, target, namespace, name, expected) => {
	const user = users[subject];
	if (user === undefined) throw new Error(`no such user: ${subject}`);
	expect(kit.ask(user, verb, target, namespace, name).verdict).toBe(expected ? "allow" : "undecided");
});

it.each([
	["stranger", "get", "/api", true],
	["stranger", "get", "/apis/apps/v1", true],
	["stranger", "get", "/openapi/v3", true],
	["stranger", "get", "/healthz", true],
	["stranger", "get", "/healthz/etcd", false],
	["stranger", "head", "/healthz", false],
	["stranger", "post", "/api", false],
	["stranger", "get", "/metrics", false],
	["stranger", "get", "/", false],
	["stranger", "get", "/apiary", false],
	["stranger", "get", "/version/", true],
	["anonymous", "get", "/version", true],
	["anonymous", "get", "/livez", true],
	["anonymous", "get", "/livez/ping", false],
	["anonymous", "get", "/api", false],
	["root", "get", "/metrics", true],
	["root", "post", "/anything/at/all", true],
	["ci", "get", "/openid/v1/jwks", true],
	["ci", "get", "/.well-known/openid-configuration", true],
	["stranger", "get", "/openid/v1/jwks", false],
] as const)("%s %s %s: %s", (subject, verb, path, expected) => {
	const user = users[subject];
	if (user === undefined) throw new Error(`no such user: ${subject}`);
	expect(kit.askPath(user, verb, path).verdict).toBe(expected ? "allow" : "undecided");
});
