/** What the plain form says of itself, in both languages. */
import type { Language, Text } from "../engine/text.ts";

const words = {
	starting: { zh: "正在启动本课的集群……", en: "starting the lesson's cluster …" },
	minutes: { zh: "分钟", en: "minutes" },
	step: { zh: "步骤", en: "Step" },
	read: { zh: "阅读", en: "read" },
	do: { zh: "动手", en: "do" },
	predict: { zh: "预测", en: "predict" },
	order: { zh: "排序", en: "order" },
	fix: { zh: "排障", en: "fix" },
	observe: { zh: "观察", en: "observe" },
	pressEnter: { zh: "按回车继续。", en: "Press Enter to go on." },
	chooseOne: { zh: "输入选项的编号。", en: "Type the number of your answer." },
	putInOrder: { zh: "按先后顺序输入编号，例如：2 1 3", en: "Type the numbers in the order in which it happens, such as: 2 1 3" },
	typeCommands: {
		zh: "输入命令。:hint 提示，:check 查看检查项，:show 演示答案，:skip 跳过，:reset 回到本步开头，:quit 退出（进度会保存）。",
		en: "Type commands. :hint helps, :check looks at what is asked for, :show types the solution, :skip leaves it out, :reset goes back to the beginning of this step, :quit ends (all is kept).",
	},
	secondTerminal: { zh: "也可以用另一个终端：", en: "A second terminal does as well:" },
	noKubectl: {
		zh: "PATH 里没有 kubectl：安装方法见 https://kubernetes.io/zh-cn/docs/tasks/tools/ 。",
		en: "There is no kubectl on the PATH; how to get one: https://kubernetes.io/docs/tasks/tools/ .",
	},
	kubeconfigBroken: {
		zh: "kubeconfig 不再指向本课的集群；:reset 可以恢复它。",
		en: "The kubeconfig does not lead to the lesson's cluster any more; :reset puts it back.",
	},
	expected: { zh: "期望", en: "expected" },
	saw: { zh: "看到", en: "saw" },
	right: { zh: "正确。", en: "Right." },
	notRight: { zh: "不对。", en: "Not right." },
	rightOneIs: { zh: "正确答案：", en: "The answer is:" },
	inPlace: { zh: "项位置正确，再试一次。", en: "stand where they should. Try again." },
	hint: { zh: "提示", en: "Hint" },
	noHints: { zh: "没有更多提示了；:show 演示答案。", en: "There are no more hints; :show types the solution." },
	done: { zh: "完成", en: "Done" },
	shown: { zh: "已演示", en: "Shown" },
	skipped: { zh: "已跳过", en: "Left out" },
	lessonDone: { zh: "本课完成。", en: "The lesson is done." },
	kept: { zh: "进度已保存；继续：", en: "All is kept; to go on:" },
	resetDone: { zh: "已回到本步开头。", en: "Back at the beginning of this step." },
	unknownCommand: { zh: "没有这个命令：", en: "there is no such command:" },
	exited: { zh: "退出码", en: "exit code" },
} as const satisfies Readonly<Record<string, Text>>;

/** @param aheadMs of the cluster's clock; negative: behind */
export function clockText(aheadMs: number, language: Language): string {
	const seconds = Math.round(Math.abs(aheadMs) / 1000);
	return language === "zh"
		? `集群的时钟比本机${aheadMs < 0 ? "慢" : "快"} ${seconds} 秒。describe 和 events 里的时间是 kubectl 按本机时钟算的，所以不准，或者显示 <invalid>；kubectl get 的 AGE 按集群时钟，是准的。`
		: `The cluster's clock is ${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} this machine's. In describe and events kubectl counts ages by the machine's clock, so they are off, or <invalid>; those of kubectl get are right.`;
}

export type Word = keyof typeof words;

/** @param number from 1 */
export function stepText(number: number, count: number, language: Language): string {
	return language === "zh" ? `第 ${number} 步，共 ${count} 步` : `Step ${number} of ${count}`;
}

export function wordsIn(language: Language): (word: Word) => string {
	return (word) => words[word][language];
}
