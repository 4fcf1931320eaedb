/**
 * For a process that is a member of a store and nothing else. A door of its own, so that a cluster does not load what it
 * takes to reach members in other processes.
 */
export { loadOrCreateEtcdPki } from "../apiserver/pki/etcd-pki.ts";
export { serveEtcdApi } from "../store/etcd-api/index.ts";
export {
	type FoundingMember,
	hostAndPort,
	MemberConfigError,
	type ServedMember,
	type ServeMemberOptions,
	serveMember,
} from "../store/peer/served-member.ts";
