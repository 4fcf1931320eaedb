/** etcd's Cluster service: who the members are, and changing that. Source: https://etcd.io/docs/v3.6/op-guide/runtime-configuration/ */
import { GroupError, type MemberInfo } from "../group.ts";
import type { Sparse } from "./codec.ts";
import type { Member as MemberMessage } from "./generated/messages.ts";
import type { Handlers } from "./grpc/server.ts";
import type { ServiceOptions } from "./kv-service.ts";
import { rpcErrors } from "./rpc-errors.ts";

export function clusterService({ store, member, gate }: ServiceOptions): Handlers {
	const members = () => member.group.members().map(toMessage);
	const checkUrls = (urls: readonly string[]) => {
		if (urls.length === 0 || !urls.every(isPeerUrl)) throw rpcErrors.memberBadUrls();
	};
	return {
		async "/etcdserverpb.Cluster/MemberList"(request) {
			// Linearizable lists need a leader, as linearizable reads do.
			if (request.linearizable) await store.range({ key: "\0", countOnly: true });
			return { header: member.header(), members: members() };
		},
		async "/etcdserverpb.Cluster/MemberAdd"(request, context) {
			gate.checkAdmin(context);
			checkUrls(request.peerURLs);
			const added = await member.group.addMember(request.peerURLs, request.isLearner);
			return { header: member.header(), member: toMessage(added), members: members() };
		},
		async "/etcdserverpb.Cluster/MemberRemove"(request, context) {
			gate.checkAdmin(context);
			await member.group.removeMember(request.ID);
			return { header: member.header(), members: members() };
		},
		async "/etcdserverpb.Cluster/MemberUpdate"(request, context) {
			gate.checkAdmin(context);
			checkUrls(request.peerURLs);
			if (!member.group.members().some(({ id }) => id === request.ID)) throw new GroupError("memberNotFound");
			await member.group.updateMember(request.ID, request.peerURLs);
			return { header: member.header(), members: members() };
		},
		async "/etcdserverpb.Cluster/MemberPromote"(request, context) {
			gate.checkAdmin(context);
			await member.group.promoteMember(request.ID);
			return { header: member.header(), members: members() };
		},
	};
}

function toMessage({ id, name, peerUrls, clientUrls, isLearner }: MemberInfo): Sparse<MemberMessage> {
	return { ID: id, name, peerURLs: peerUrls, clientURLs: clientUrls, isLearner };
}

/** etcd takes http, https, unix and unixs URLs with a host and a port, and no path. */
function isPeerUrl(text: string): boolean {
	return /^(https?|unixs?):\/\/[^/\s]+:\d+$/.test(text);
}
