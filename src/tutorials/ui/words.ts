/** What the screens say of themselves, in both languages. */
import type { Language, Text } from "../engine/text.ts";
import { type Word, wordsIn } from "../plain/words.ts";

const words = {
	course: { zh: "课程", en: "Lessons" },
	chapter: { zh: "第", en: "Chapter" },
	notStarted: { zh: "未开始", en: "not started" },
	started: { zh: "进行中", en: "under way" },
	finished: { zh: "已完成", en: "finished" },
	treeKeys: { zh: "↑↓ 选择  回车 开始  q 退出", en: "↑↓ choose  Enter begin  q quit" },
	lesson: { zh: "课文", en: "Lesson" },
	taskKeys: {
		zh: "输入命令 · 回车 执行 · Tab 换面板 · PgUp/PgDn 翻页 · Ctrl-C 中断 · :help",
		en: "type commands · Enter runs · Tab next pane · PgUp/PgDn scroll · Ctrl-C interrupts · :help",
	},
	readKeys: { zh: "回车 继续 · PgUp/PgDn 翻页 · Tab 换面板 · :help", en: "Enter goes on · PgUp/PgDn scroll · Tab next pane · :help" },
	predictKeys: { zh: "↑↓ 选择 · 回车 回答 · Tab 换面板 · :help", en: "↑↓ choose · Enter answers · Tab next pane · :help" },
	orderKeys: {
		zh: "↑↓ 选择 · 空格 拿起/放下 · 回车 提交 · :help",
		en: "↑↓ choose · Space takes up and puts down · Enter submits · :help",
	},
	doneKeys: { zh: "回车 下一步 · Tab 换面板 · PgUp/PgDn 翻页 · :help", en: "Enter next step · Tab next pane · PgUp/PgDn scroll · :help" },
	finishedKeys: { zh: "回车 回到课程列表 · :quit 退出", en: "Enter back to the lessons · :quit ends" },
	help: {
		zh: [
			"**命令** 直接输入，由你自己的 shell 在课程目录里执行；另一个终端也可以。",
			"- `:hint` 提示  `:check` 查看检查项  `:show` 演示答案  `:skip` 跳过",
			"- `:reset` 回到本步开头（集群和文件都恢复）  `:quit` 退出（进度会保存）",
			"- `:speed 60` 时间快慢（0 停住）  `:pause` 停住或继续  `:step` 走到下一件事",
			"- `:pane events` 换面板（map events request scheduler controllers raft timeline）",
			"- Tab / Shift-Tab 换面板，PgUp / PgDn 翻课文，Ctrl-L 清屏，Ctrl-C 中断命令",
		].join("\n"),
		en: [
			"**Commands** are run by your own shell in the lesson's directory; a second terminal does as well.",
			"- `:hint` helps  `:check` looks at what is asked for  `:show` types the solution  `:skip` leaves the step out",
			"- `:reset` back to the beginning of this step, cluster and files  `:quit` ends; all is kept",
			"- `:speed 60` how fast time passes (0: not at all)  `:pause` stops it or lets it go on  `:step` on to what is next",
			"- `:pane events` another pane (map events request scheduler controllers raft timeline)",
			"- Tab and Shift-Tab change panes, PgUp and PgDn scroll the text, Ctrl-L clears, Ctrl-C interrupts a command",
		].join("\n"),
	},
	tooSmall: { zh: "窗口太小：至少要 80 列 24 行。", en: "This window is too small: 80 columns and 24 lines are needed." },
	busy: { zh: "请稍候……", en: "one moment …" },
	running: { zh: "正在执行", en: "running" },
	noCommand: { zh: "没有这个命令，:help 列出全部：", en: "there is no such command, :help lists them:" },
	noPane: { zh: "没有这个面板：", en: "there is no such pane:" },
	badSpeed: { zh: "速度是 0 到 1000 的数：", en: "a speed is a number from 0 to 1000:" },
	nothingYet: { zh: "还没有发生什么。", en: "Nothing has happened yet." },
	onNoNode: { zh: "还没有节点", en: "on no node yet" },
	more: { zh: "行没有显示", en: "more lines" },
	client: { zh: "客户端", en: "client" },
	authentication: { zh: "认证", en: "authentication" },
	authorization: { zh: "鉴权", en: "authorization" },
	admission: { zh: "准入", en: "admission" },
	store: { zh: "存储", en: "store" },
	revision: { zh: "版本", en: "revision" },
	watchers: { zh: "监听者", en: "watchers" },
	watchersSee: { zh: "看到了变化，见时间线", en: "see the change: what they do next is in the timeline" },
	queued: { zh: "排队", en: "QUEUED" },
	added: { zh: "入队", en: "ADDED" },
	retried: { zh: "重试", en: "RETRIED" },
	controller: { zh: "控制器", en: "CONTROLLER" },
	member: { zh: "成员", en: "MEMBER" },
	role: { zh: "角色", en: "ROLE" },
	term: { zh: "任期", en: "TERM" },
	committed: { zh: "已提交", en: "COMMITTED" },
	applied: { zh: "已应用", en: "APPLIED" },
	revisionColumn: { zh: "版本", en: "REVISION" },
	log: { zh: "最近写入", en: "Newest writes" },
	paused: { zh: "停住", en: "paused" },
	nextDue: { zh: "下一件事", en: "next is due at" },
} as const satisfies Readonly<Record<string, Text>>;

export type ScreenWord = Word | keyof typeof words;

export function screenWordsIn(language: Language): (word: ScreenWord) => string {
	const plain = wordsIn(language);
	return (word) => (word in words ? words[word as keyof typeof words][language] : plain(word as Word));
}
