// The little school around its phones (the chats themselves are chat.js): the clock, its hands, whose phone is in
// front, which language it speaks, and how far the story has come.

const body = document.body;
const time = document.querySelector(".demo-time");
const date = document.querySelector(".demo-date");
const said = document.querySelector(".demo-said");
const hands = [...document.querySelectorAll("[data-hand], [data-reset]")];
const handsets = [...document.querySelectorAll(".handset")];
const behind = document.querySelector("[data-swap]");
const steps = [...document.querySelectorAll(".story li")];
const storyNow = document.querySelector(".story-now");
const LOOK_EVERY = 3000;
const LOOK_MOVING = 200;
const RINGS_FOR = 6000;
const REPLY_WITHIN = 4000;
const LINES_WITHIN = 150;
const SUMS_FOR = 1500;
const STORED = "nearpeer-demo";

// What a reload must not lose. Another era (the school has begun anew) begins with nothing.
const empty = { era: body.dataset.era, done: [], shown: "maya", adult: "rivera", focus: "" };
let kept = empty;
try {
  const stored = JSON.parse(sessionStorage.getItem(STORED));
  if (stored?.era === body.dataset.era) kept = { ...empty, ...stored };
} catch {
  // Nothing kept, or nothing may be kept: the page works without.
}

function keep(changes) {
  kept = { ...kept, ...changes };
  try {
    sessionStorage.setItem(STORED, JSON.stringify(kept));
  } catch {
    // As above.
  }
}

const handset = (key) => handsets.find((one) => one.dataset.key === key);
const post = (url, body) =>
  fetch(url, {
    method: "POST",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// --- the clock ---

const zone = { timeZone: body.dataset.zone };
const asTime = new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit", ...zone });
const asDate = new Intl.DateTimeFormat("en", { weekday: "long", month: "long", day: "numeric", ...zone });
let now = 0;
let since = 0;

function setClock(iso) {
  now = Date.parse(iso);
  since = performance.now();
  tick();
}

function tick() {
  const moment = new Date(now + performance.now() - since);
  for (const [element, format] of [[time, asTime], [date, asDate]]) {
    const text = format.format(moment);
    if (element.textContent !== text) element.textContent = text;
  }
}

// --- the hands ---

let moving = false;
let news = new Map();
// While this is a text, what still arrives counts to the last move.
let sum = null;

function setMoving(value) {
  moving = value;
  body.classList.toggle("moving", value);
  for (const hand of hands) {
    if (value) hand.setAttribute("aria-disabled", "true");
    else hand.removeAttribute("aria-disabled");
  }
}

function newsInWords() {
  const counts = handsets.filter((one) => news.has(one.dataset.key)).map((one) => `${one.dataset.name} ${news.get(one.dataset.key)}`);
  return counts.length ? `New messages: ${counts.join(", ")}.` : "Nothing new on any phone.";
}

async function standing() {
  const answer = await fetch("/demo/now");
  if (!answer.ok) throw new Error("not there");
  const state = await answer.json();
  if (state.era !== body.dataset.era) location.reload();
  setClock(state.now);
  return state;
}

async function followTheHands() {
  while (moving) {
    await pause(LOOK_MOVING);
    if (moving) await standing().catch(() => {});
  }
}

async function move(name) {
  if (moving) return;
  news = new Map();
  sum = null;
  setMoving(true);
  said.textContent = "The hands are moving …";
  followTheHands();
  let words = "The hands did not move: is the little school still running?";
  try {
    const answer = await post(`/demo/hands/${name}`);
    const state = await answer.json();
    // The last lines may be on their way to the phones.
    await pause(LINES_WITHIN);
    if (answer.ok) {
      setClock(state.now);
      sum = state.said;
      setTimeout(() => (sum = null), SUMS_FOR);
    }
    words = answer.ok ? `${sum} ${newsInWords()}`.trim() : "The hands are moving already. Please wait.";
  } catch {
    // Said below.
  }
  setMoving(false);
  said.textContent = words;
}

async function reset() {
  if (moving) return;
  setMoving(true);
  said.textContent = "Beginning anew …";
  const answer = await post("/demo/reset").catch(() => null);
  if (answer?.ok) return location.reload();
  setMoving(false);
  said.textContent = "That did not work: is the little school still running?";
}

for (const hand of hands) hand.addEventListener("click", () => (hand.dataset.hand ? move(hand.dataset.hand) : reset()));

// --- whose phone is in front ---

const unseen = new Map();

function isVisible(one) {
  return one.checkVisibility() && !one.classList.contains("back");
}

function show(key) {
  const one = handset(key);
  keep({ shown: key, adult: one.classList.contains("adult") ? key : kept.adult });
  const narrow = getComputedStyle(behind).display === "none";
  for (const other of handsets) {
    const back = other.classList.contains("adult") && other.dataset.key !== kept.adult;
    other.classList.toggle("shown", other.dataset.key === kept.shown);
    other.classList.toggle("back", back);
    other.inert = back && !narrow;
  }
  const other = handsets.find((each) => each.classList.contains("back"));
  behind.textContent = other.dataset.name;
  behind.setAttribute("aria-label", `${other.dataset.name}: bring this phone to the front`);
  behind.dataset.swap = other.dataset.key;
  for (const button of document.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === kept.shown));
  }
  seen();
}

function seen() {
  for (const one of handsets) if (isVisible(one)) unseen.delete(one.dataset.key);
  for (const button of document.querySelectorAll("[data-show]")) {
    const badge = button.querySelector(".news");
    const count = unseen.get(button.dataset.show) || 0;
    badge.hidden = !count;
    badge.textContent = count ? String(count) : "";
  }
  behind.classList.toggle("waiting", unseen.has(behind.dataset.swap));
}

behind.addEventListener("click", () => show(behind.dataset.swap));
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => show(button.dataset.show));
new ResizeObserver(() => show(kept.shown)).observe(body);

// --- what arrives on the phones ---

function rings(one) {
  one.classList.add("ringing");
  setTimeout(() => one.classList.remove("ringing"), RINGS_FOR);
  // Who is being used stays in front; else the phone that rings comes forward.
  const other = handsets.find((each) => each.classList.contains("adult") && each !== one);
  const wide = getComputedStyle(behind).display !== "none";
  if (wide && one.classList.contains("back") && !other.contains(document.activeElement)) {
    show(kept.shown === other.dataset.key ? one.dataset.key : kept.shown);
    keep({ adult: one.dataset.key });
    show(kept.shown);
  }
}

function arrived(one, line) {
  const key = one.dataset.key;
  const own = line.classList.contains("own");
  if (own) sum = null;
  else {
    news.set(key, (news.get(key) || 0) + 1);
    if (sum !== null) said.textContent = `${sum} ${newsInWords()}`.trim();
    if (!isVisible(one)) unseen.set(key, (unseen.get(key) || 0) + 1);
    one.classList.remove("lit");
    void one.offsetWidth;
    one.classList.add("lit");
    if (line.dataset.kind === "alert") rings(one);
    seen();
  }
  happened(`${key}:${own ? "own" : line.dataset.kind}`);
}

for (const one of handsets) {
  new MutationObserver((changes) => {
    for (const added of changes.flatMap((change) => [...change.addedNodes])) {
      if (added.classList?.contains("fresh")) arrived(one, added);
    }
  }).observe(one.querySelector(".log"), { childList: true });
}

// --- which language a phone speaks ---

function reply(one) {
  return new Promise((resolve) => {
    const observer = new MutationObserver((changes) => {
      const lines = changes.flatMap((change) => [...change.addedNodes]);
      if (lines.some((line) => line.classList?.contains("line") && !line.classList.contains("own"))) resolve();
    });
    observer.observe(one.querySelector(".log"), { childList: true });
    setTimeout(resolve, REPLY_WITHIN);
  });
}

async function speak(one, button) {
  if (button.getAttribute("aria-pressed") === "true" || moving) return;
  const answered = reply(one);
  const eventId = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const posted = { event_id: eventId, text: `/language ${button.dataset.language}` };
  const answer = await post(`/demo/phones/${one.dataset.key}/say`, posted).catch(() => null);
  if (!answer?.ok) return;
  await answered;
  await pause(700);
  // The words around a chat are written by the server: the page comes anew, in the language that the person now has.
  keep({ focus: `#handset-${one.dataset.key} [data-language="${button.dataset.language}"]` });
  location.reload();
}

for (const one of handsets) {
  for (const button of one.querySelectorAll("[data-language]")) button.addEventListener("click", () => speak(one, button));
}

// --- the story ---

const times = new Map();

function happened(what) {
  const next = steps.findIndex((step, index) => !kept.done.includes(index) && step.dataset.when.split(" ").includes(what));
  if (next < 0) return;
  times.set(next, (times.get(next) || 0) + 1);
  if (times.get(next) < Number(steps[next].dataset.times || 1)) return;
  keep({ done: [...kept.done, next] });
  tell();
}

function tell() {
  steps.forEach((step, index) => {
    const done = kept.done.includes(index);
    if (done && !step.classList.contains("done")) {
      const mark = document.createElement("span");
      mark.className = "visually-hidden";
      mark.textContent = "Done: ";
      step.prepend(mark);
    }
    step.classList.toggle("done", done);
    step.removeAttribute("aria-current");
  });
  const next = steps.find((step) => !step.classList.contains("done"));
  next?.setAttribute("aria-current", "step");
  for (const hand of hands) hand.classList.toggle("next", Boolean(next?.dataset.press) && hand.dataset.hand === next.dataset.press);
  storyNow.textContent = next ? next.textContent : "That was the whole story. Try your own.";
}

document.querySelector(".demo-staff").addEventListener("submit", () => happened("staff"));

// --- begin ---

setClock(body.dataset.now);
setInterval(tick, 1000);
setInterval(() => {
  if (!moving && document.visibilityState === "visible") standing().catch(() => {});
}, LOOK_EVERY);
if (matchMedia("(max-width: 78rem)").matches) document.querySelector(".story").open = false;
show(kept.shown);
tell();
if (kept.focus) {
  document.querySelector(kept.focus)?.focus({ preventScroll: true });
  keep({ focus: "" });
}
standing()
  .then(async (state) => {
    // Another page moves the hands: this one waits as well.
    if (!state.moving) return;
    setMoving(true);
    said.textContent = "The hands are moving …";
    while ((await standing()).moving) await pause(LOOK_MOVING);
    setMoving(false);
    said.textContent = "";
  })
  .catch(() => {});
