// One module for the customers' pages. Everything works without it; with it, files go up at once.
const html = document.documentElement;
html.classList.add("js");

function showHelpers(root) {
  for (const el of root.querySelectorAll("[data-copy], [data-copy-address], [data-print]")) {
    el.hidden = false;
  }
}
showHelpers(document);

function copyText(text) {
  // Some in-app browsers have no clipboard, or refuse it: a selection always works.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.print !== undefined) return window.print();
  const address = button.dataset.copyAddress;
  const text = address ? new URL(address, location.href).href : button.dataset.copy;
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyText(text);
  }
  const label = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = label; }, 2000);
});

// A form is sent once; coming back by the back button arms it again.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
});

// The server's clock counts: a telephone's may be wrong by hours.
function countDown(el) {
  const due = Date.parse(el.dataset.due);
  const offset = Date.parse(el.dataset.now) - Date.now();
  const tick = () => {
    const left = Math.floor((due - Date.now() - offset) / 1000);
    if (left <= 0) {
      el.textContent = el.dataset.over;
      clearInterval(timer);
      return;
    }
    if (!el.isConnected) return clearInterval(timer);
    const parts = [[Math.floor(left / 3600), el.dataset.h], [Math.floor(left / 60) % 60, el.dataset.m],
      [left % 60, el.dataset.s]];
    el.replaceChildren(...parts.flatMap(([value, unit]) => {
      const box = document.createElement("b");
      box.textContent = String(value).padStart(2, "0");
      return [box, ` ${unit} `];
    }));
  };
  const timer = setInterval(tick, 1000);
  el.hidden = false;
  tick();
}
document.querySelectorAll("[data-due]").forEach(countDown);

// Photos shrink before they travel; screenshots are small already and stay as they are.
const WORTH_SHRINKING = 2 * 1024 * 1024;
const SIDE = 1600;

async function shrink(file) {
  if (file.size < WORTH_SHRINKING || !/^image\/(jpeg|png|webp|heic|heif)$/.test(file.type)) return file;
  try {
    const picture = await createImageBitmap(file);
    // By the shorter side: a long screenshot must stay readable.
    const scale = Math.min(1, SIDE / Math.min(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    if (!blob || blob.size >= file.size) return file;
    return new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" });
  } catch {
    return file; // This browser cannot open it; the server may.
  }
}

function send(form, file, onProgress) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
  data.append("kind", form.querySelector("[name=kind]").value);
  data.append("files", file, file.name);
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.upload);
    request.setRequestHeader("X-Fragment", "files");
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    request.addEventListener("load", () => done(request));
    request.addEventListener("error", fail);
    request.send(data);
  });
}

function showPending(list, file, text) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  const bar = document.createElement("progress");
  label.textContent = `${text}: ${file.name}`;
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  if (file.type.startsWith("image/")) {
    const image = document.createElement("img");
    image.src = URL.createObjectURL(file);
    image.alt = "";
    item.append(image);
  } else {
    item.append(document.createElement("i"));
  }
  item.append(label, bar);
  list.append(item);
  return { item, label, bar };
}

function replaceGrid(form, markup) {
  form.querySelector("#grid").innerHTML = markup;
  const next = form.querySelector("[data-next-kind]");
  const kind = form.querySelector("[name=kind]");
  if (next && kind) kind.value = next.dataset.nextKind;
}

async function upload(form, input, file) {
  const list = form.querySelector("#pending");
  const { item, label, bar } = showPending(list, file, input.dataset.shrink);
  const small = await shrink(file);
  label.textContent = `${input.dataset.working}: ${file.name}`;
  try {
    const answer = await send(form, small, (loaded, total) => { bar.value = (100 * loaded) / total; });
    const isGrid = answer.responseText.includes("grid-head");
    if (!isGrid) throw new Error(String(answer.status));
    replaceGrid(form, answer.responseText);
    item.remove();
    return answer.status === 200;
  } catch {
    bar.remove();
    label.textContent = `${file.name}: ${input.dataset.failed}`;
    label.className = "error";
    return false;
  }
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  if (!input) continue;
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    let allWell = files.length > 0;
    // One after the other: order stays, and a slow line carries one at a time.
    for (const file of files) allWell = (await upload(form, input, file)) && allWell;
    // Clock and timeline of a running dispute have changed with it.
    if (allWell && form.dataset.reload !== undefined) location.reload();
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-remove]");
  if (!button) return;
  event.preventDefault();
  const form = document.querySelector("form[data-upload]");
  const answer = await fetch(button.formAction, {
    method: "POST",
    body: new FormData(button.form),
    headers: { "X-Fragment": "files" },
  });
  if (answer.ok) replaceGrid(form, await answer.text());
  // With nine files there was no place to choose another one; now there is.
  if (!form.querySelector("input[type=file]")) location.reload();
});

// A dispute's page asks every two seconds how far the dispute has come (20 bytes), while somebody
// looks at it; after ten quiet minutes every fifteen. Only news make it fetch the page itself.
const live = document.getElementById("live");
const EAGER = 2000;
const PATIENT = 15000;
const QUIET_AFTER = 10 * 60 * 1000;
let stirred = Date.now();
let pause = EAGER;
let asking = 0;

function isTypedIn() {
  return [...document.querySelectorAll("main textarea, main input:not([type=hidden]):not([type=file])")]
    .some((field) => (/^(radio|checkbox)$/.test(field.type) ? field.checked !== field.defaultChecked
      : field.value !== field.defaultValue));
}

async function bringNews() {
  const answer = await fetch(live.dataset.page, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = fresh.getElementById("live");
  if (now.dataset.shape !== live.dataset.shape) {
    // What can be done here has changed with it, not only what is said.
    if (!isTypedIn()) return location.assign(live.dataset.page);
    document.getElementById("changed").hidden = false;
  }
  for (const id of ["live-now", "live-money", "live-said"]) {
    const part = document.importNode(fresh.getElementById(id), true);
    document.getElementById(id).replaceWith(part);
    showHelpers(part);
    part.querySelectorAll("[data-due]").forEach(countDown);
  }
  document.title = fresh.title;
  live.dataset.seq = now.dataset.seq;
  document.getElementById("heard").textContent = live.dataset.said;
  stirred = Date.now();
}

async function ask() {
  clearTimeout(asking);
  if (document.hidden) return;
  try {
    const answer = await fetch(`${live.dataset.news}?since=${live.dataset.seq}`);
    if (answer.status === 404) return;
    if (answer.status === 200) await bringNews();
    else if (answer.status !== 204) throw new Error(String(answer.status));
    pause = Date.now() - stirred > QUIET_AFTER ? PATIENT : EAGER;
  } catch {
    pause = Math.min(pause * 2, 60000); // a line that is gone, or a desk that has too much to do
  }
  asking = setTimeout(ask, pause);
}

if (live) {
  asking = setTimeout(ask, EAGER);
  document.addEventListener("visibilitychange", ask);
  document.addEventListener("input", () => { stirred = Date.now(); });
}
