// The chat on a page: every element with data-chat (the template phone.html) becomes one. One event stream serves all
// chats of a page that name the same data-stream. Words of people are set with textContent only.

const LONGEST_TEXT = 8000;
const OFFLINE_AFTER = 2500;
const AGAIN_AFTER = 1000;
const REOPEN_AFTER = 5000;
const GIVE_UP_AFTER = 10000;
// Questions are over once something was said after them; these keep their buttons until one is tapped.
const LASTING = new Set(["alert", "staff", "card"]);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function newEventId() {
  // Not crypto.randomUUID: a browser has that on secure pages only.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function untilVisible() {
  if (document.visibilityState === "visible") return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", function look() {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    });
  });
}

class Chat {
  constructor(root) {
    this.root = root;
    this.chat = root.dataset.chat;
    this.url = root.dataset.url;
    this.log = root.querySelector(".log");
    this.state = root.querySelector(".state");
    this.alarm = root.querySelector("[data-alarm]");
    this.form = root.querySelector("form");
    this.box = root.querySelector("textarea");
    this.failed = null;
    const start = JSON.parse(root.querySelector("[data-start]").textContent);
    this.words = start.words;
    const zone = start.zone ? { timeZone: start.zone } : {};
    const language = root.lang;
    this.hour = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", ...zone });
    this.day = new Intl.DateTimeFormat(language, { weekday: "long", month: "long", day: "numeric", ...zone });
    this.reconcile(start.lines);
    this.toEnd();
    this.log.addEventListener("scroll", () => (this.atEnd = this.isAtEnd()), { passive: true });
    // A phone's keyboard makes the log small: the newest line stays in sight.
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(this.log);
    this.log.removeAttribute("aria-busy");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.sayText();
    });
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.sayText();
    });
    this.box.addEventListener("input", () => this.tell(""));
  }

  // --- showing ---

  lines() {
    return [...this.log.querySelectorAll(".line")];
  }

  isAtEnd() {
    const card = this.tallCard();
    if (card) return card.offsetTop < this.log.scrollTop + this.log.clientHeight;
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 120;
  }

  toEnd() {
    const card = this.tallCard();
    // What to do in danger stands first: of a card that is taller than the screen the beginning is shown.
    this.log.scrollTop = card ? card.offsetTop - 12 : this.log.scrollHeight;
    this.atEnd = true;
  }

  tallCard() {
    const last = this.lines().at(-1);
    return last?.dataset.kind === "card" && last.offsetHeight > this.log.clientHeight ? last : null;
  }

  // The history as the server has it, after the page was away: add what is missing, keep what is there.
  reconcile(lines) {
    let previous = null;
    for (const line of lines) {
      let shown = this.lines().find((other) => other.dataset.id === line.id) || this.adopt(line);
      if (shown && !line.choices.length) shown.querySelector(".choices")?.remove();
      if (shown && line.ours && shown.querySelector(".bubble-text").textContent !== line.text) {
        const made = this.make(line);
        shown.replaceWith(made);
        shown = made;
      }
      if (!shown) {
        shown = this.make(line);
        if (previous) previous.after(shown);
        else this.log.append(shown);
      }
      previous = shown;
    }
    this.refresh();
  }

  // A line of one's own was shown before the server gave it an id.
  adopt(line) {
    if (line.ours) return null;
    const nameless = this.lines().filter((other) => other.classList.contains("own") && !other.dataset.id);
    const same = (other) => other.querySelector(".bubble-text").textContent.trim() === line.text.trim();
    const found = nameless.find(same) || nameless.find((other) => !other.classList.contains("sending"));
    if (!found) return null;
    found.dataset.id = line.id;
    found.dataset.at = line.at;
    return found;
  }

  // One line as it comes.
  add(line) {
    if (line.event_id && this.lines().some((other) => other.dataset.eventId === line.event_id)) return;
    if (line.id && this.lines().some((other) => other.dataset.id === line.id)) return this.confirm(line);
    // One's own line, repeated to a page that has just opened, may be in the history that came before.
    const text = line.text.trim();
    const said = (other) => other.classList.contains("own") && other.querySelector(".bubble-text").textContent.trim() === text;
    if (line.again && !line.ours && this.lines().some(said)) return;
    if (line.replaces) {
      const older = this.lines().find((other) => other.dataset.id === line.replaces);
      return older && this.change(older, line);
    }
    const atEnd = this.isAtEnd();
    const shown = this.make(line);
    shown.classList.add("fresh");
    this.log.append(shown);
    this.refresh();
    if (atEnd || line.kind === "alert" || line.kind === "card") this.toEnd();
    this.confirm(line);
  }

  // An older line says something else from now on, such as who has the case of an alert.
  change(older, line) {
    const choices = older.querySelector(".choices");
    if (choices) this.removeButtons(choices);
    older.querySelector(".line-title")?.remove();
    older.querySelector(".bubble-text").textContent = line.text;
    older.classList.replace(older.dataset.kind, line.kind);
    older.dataset.kind = line.kind;
  }

  // An alert counts as shown only when somebody can see the page.
  async confirm(line) {
    if (line.kind !== "alert") return;
    this.alarm.replaceChildren(element("span", "", this.words.alert));
    const title = document.title;
    if (document.visibilityState !== "visible" && !title.startsWith("🔔")) document.title = `🔔 ${title}`;
    await untilVisible();
    document.title = document.title.replace(/^🔔 /u, "");
    await this.post("seen", { id: line.id }).catch(() => {});
  }

  make(line) {
    const own = !line.ours;
    const shown = element("div", `line ${own ? "own" : line.kind}`);
    if (line.id) shown.dataset.id = line.id;
    if (line.event_id) shown.dataset.eventId = line.event_id;
    if (line.at) shown.dataset.at = line.at;
    if (line.kind) shown.dataset.kind = line.kind;
    const bubble = element("div", "bubble");
    bubble.append(element("span", "visually-hidden", `${own ? this.words.you : this.words.us}: `));
    if (line.kind === "alert") bubble.append(this.title("bell", this.words.alert));
    if (line.kind === "card") bubble.append(this.title("heart", this.words.card));
    bubble.append(element("p", "bubble-text", line.text));
    shown.append(bubble);
    if (line.choices?.length) {
      const choices = this.buttons(line.choices);
      (line.kind === "alert" ? bubble : shown).append(choices);
    }
    if (line.at && !own) shown.append(element("p", "line-note", this.hour.format(new Date(line.at))));
    return shown;
  }

  title(icon, text) {
    const made = element("p", "line-title");
    const picture = element("span", icon);
    picture.setAttribute("aria-hidden", "true");
    made.append(picture, text);
    return made;
  }

  buttons(choices) {
    const group = element("div", "choices");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", this.words.answers);
    for (const choice of choices) {
      const button = element("button", "", choice.label);
      button.type = "button";
      button.addEventListener("click", () => this.tap(group, choice));
      group.append(button);
    }
    return group;
  }

  // What depends on the lines around: buttons of questions that are over go, days are named.
  refresh() {
    if (this.lines().length) this.log.querySelector(".empty")?.remove();
    let over = false;
    for (const line of this.lines().reverse()) {
      const lasting = LASTING.has(line.dataset.kind);
      const choices = line.querySelector(".choices");
      if (choices && over && !lasting) this.removeButtons(choices);
      const said = line.classList.contains("own") && !line.classList.contains("sending");
      if (said || line.dataset.kind === "question") over = true;
    }
    let today = "";
    for (const line of this.lines()) {
      if (!line.dataset.at) continue;
      const day = this.day.format(new Date(line.dataset.at));
      if (day === today) line.removeAttribute("data-day");
      else line.dataset.day = day;
      today = day;
    }
  }

  removeButtons(group) {
    const focused = group.contains(document.activeElement);
    group.remove();
    if (focused) this.log.focus({ preventScroll: true });
  }

  tell(text, wrong = false) {
    this.state.textContent = text;
    this.state.classList.toggle("wrong", wrong);
  }

  // --- saying ---

  async sayText() {
    const text = this.box.value.trim();
    if (!text || this.box.readOnly) return;
    if (text.length > LONGEST_TEXT) return this.tell(this.words.too_long, true);
    // The same words again after a failure are the same message: perhaps only the answer was lost.
    const eventId = this.failed?.text === text ? this.failed.eventId : newEventId();
    this.failed = null;
    this.box.value = "";
    this.box.readOnly = true;
    const problem = await this.deliver({ event_id: eventId, text }, text);
    this.box.readOnly = false;
    if (!problem) return;
    this.failed = { text, eventId };
    this.box.value = text;
    this.tell(this.words[problem], true);
  }

  async tap(group, choice) {
    if (group.dataset.busy) return;
    group.dataset.busy = "yes";
    for (const button of group.children) button.setAttribute("aria-disabled", "true");
    choice.eventId ??= newEventId();
    // The group stays until the answer is stored, so that a failed tap can be repeated.
    const posted = { event_id: choice.eventId, button: choice.token, label: choice.label };
    const problem = await this.deliver(posted, choice.label);
    if (!problem) return this.removeButtons(group);
    delete group.dataset.busy;
    for (const button of group.children) button.removeAttribute("aria-disabled");
    this.tell(this.words[`tap_${problem}`] || this.words[problem], true);
  }

  // Shows the line as being sent and posts it. Returns what went wrong, as a key of the words, or "".
  async deliver(posted, text) {
    for (const old of this.log.querySelectorAll(".own:not(.sending) .line-note")) old.remove();
    const line = this.make({ ours: false, event_id: posted.event_id, text });
    line.classList.add("sending", "fresh");
    const note = element("p", "line-note", this.words.sending);
    line.append(note);
    this.log.append(line);
    this.toEnd();
    this.tell("");
    let problem = await this.attempt(posted);
    if (problem === "failed" || problem === "not_kept") {
      await pause(AGAIN_AFTER);
      problem = await this.attempt(posted);
    }
    // It has an id when the history came meanwhile and had it: stored, only the answer was lost.
    if (problem && !line.dataset.id) {
      line.remove();
      return problem;
    }
    line.classList.remove("sending");
    note.textContent = this.words.sent;
    this.refresh();
    return "";
  }

  async attempt(posted) {
    try {
      const answer = await this.post("say", posted);
      if (answer.ok) return "";
      return { 404: "lost", 413: "too_long", 503: "not_kept" }[answer.status] || "failed";
    } catch {
      return "failed";
    }
  }

  async post(where, body) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), GIVE_UP_AFTER);
    const headers = { "Content-Type": "application/json" };
    try {
      return await fetch(this.url + where, { method: "POST", headers, body: JSON.stringify(body), signal: patience.signal });
    } finally {
      clearTimeout(timer);
    }
  }
}

// --- one stream for all chats of the page that name it ---

function listen(url, chats) {
  let source = null;
  let offline = 0;
  const told = (take) => (event) => {
    const body = JSON.parse(event.data);
    chats.filter((chat) => chat.chat === body.chat).forEach((chat) => take(chat, body));
  };
  const tellAll = (word) => chats.forEach((chat) => chat.tell(word ? chat.words[word] : "", word === "lost"));

  function online() {
    clearTimeout(offline);
    if (offline) tellAll("");
    offline = 0;
  }

  async function reopen() {
    // An EventSource that was refused does not come back by itself, and does not say why.
    const answer = await fetch(url, { method: "HEAD" }).catch(() => null);
    if (answer?.status === 404) {
      clearTimeout(offline);
      return tellAll("lost");
    }
    setTimeout(open, REOPEN_AFTER);
  }

  function open() {
    source = new EventSource(url);
    source.addEventListener("open", online);
    source.addEventListener("history", told((chat, body) => chat.reconcile(body.lines)));
    source.addEventListener("line", told((chat, body) => chat.add(body)));
    source.addEventListener("error", () => {
      offline ||= setTimeout(() => tellAll("offline"), OFFLINE_AFTER);
      if (source.readyState === EventSource.CLOSED) reopen();
    });
  }

  open();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
}

const byStream = new Map();
for (const root of document.querySelectorAll("[data-chat]")) {
  const chats = byStream.get(root.dataset.stream) || [];
  chats.push(new Chat(root));
  byStream.set(root.dataset.stream, chats);
}
for (const [url, chats] of byStream) listen(url, chats);
