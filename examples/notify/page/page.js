// A page of an application: starts exports, shows the inbox as it fills, and has this device told while it is closed.
// Its address ends in #server=URL&token=TOKEN, as the demo prints it; they are kept for the next visit.
const given = new URLSearchParams(location.hash.slice(1));
for (const name of ["server", "token"]) if (given.has(name)) localStorage.setItem(name, given.get(name));
if (given.has("token")) history.replaceState(null, "", "/");
const server = localStorage.getItem("server");
const token = localStorage.getItem("token");
const headers = { authorization: `Bearer ${token}` };

const element = (id) => document.getElementById(id);
const say = (text) => (element("state").textContent = text);

async function graphql(query, variables) {
  const answer = await fetch(`${server}/graphql`, {
    method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors.map(({ message }) => message).join("; "));
  return data;
}
/** Runs what a control asks for, once at a time, and says what went wrong. */
async function act(control, work) {
  control.disabled = true;
  try {
    await work();
  } catch (error) {
    say(error.message);
  }
  control.disabled = false;
}

const ITEM = "id title text link createdAt readAt";

function show(item) {
  const entry = document.createElement("li");
  entry.id = item.id;
  entry.classList.toggle("unread", !item.readAt);
  const time = document.createElement("time");
  time.dateTime = item.createdAt;
  time.textContent = new Date(item.createdAt).toLocaleTimeString();
  const text = document.createElement("p");
  text.textContent = item.text;
  entry.append(time, item.title, text);
  entry.addEventListener("click", () => act(entry, () => read(entry)));
  return entry;
}

function count(unread) {
  element("unread").textContent = unread;
  element("unread").hidden = unread === 0;
  element("empty").hidden = element("inbox").children.length > 0;
}

async function fill() {
  const { notificationInbox } = await graphql(`{ notificationInbox(first: 20) { unreadCount nodes { ${ITEM} } } }`);
  element("inbox").replaceChildren(...notificationInbox.nodes.map(show));
  count(notificationInbox.unreadCount);
}

async function read(entry) {
  if (!entry.classList.contains("unread")) return;
  await graphql("mutation ($ids: [ID!]!) { markNotifications(ids: $ids, as: READ) { id } }", { ids: [entry.id] });
  await fill();
}

/** The inbox while it fills; after a break all of it is read again, so that nothing is missed. */
function follow() {
  const client = graphqlSse.createClient({ url: `${server}/graphql`, headers, retryAttempts: Infinity, on: { connected: fill } });
  client.subscribe({ query: `subscription { notificationAdded { ${ITEM} } }` }, { next: fill, error: (error) => say(error.message), complete: () => {} });
}

/** Has the browser's push service reach this device, and tells Errand how. */
async function subscribe() {
  if ((await Notification.requestPermission()) !== "granted") throw new Error("This browser is not to show notifications: allow them for this page.");
  const { webPushPublicKey } = await graphql("{ webPushPublicKey }");
  const registration = await navigator.serviceWorker.ready;
  say("Asking the browser's push service ...");
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("it does not answer")), 15_000));
  const subscription = await Promise.race([
    registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: webPushPublicKey }), late,
  ]).catch((error) => {
    throw new Error(`The browser's push service cannot be had: ${error.message}. Mail and inbox work without it.`);
  });
  const { endpoint, keys } = subscription.toJSON();
  await graphql("mutation ($input: WebPushSubscriptionInput!) { addWebPushSubscription(input: $input) { id } }", { input: { endpoint, ...keys } });
  say("This device is told, also while the page is closed.");
}

async function submit() {
  const { exportInventory } = await graphql("mutation ($groupBy: GroupBy!) { exportInventory(input: { groupBy: $groupBy }) { id status } }",
    { groupBy: element("group").value });
  say(`Job ${exportInventory.id} is ${exportInventory.status.toLowerCase()}. You may close this page.`);
}

if (!server || !token) {
  say("Open this page by the address that the demo prints: it ends in #server=...&token=...");
} else {
  element("export").addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter, submit);
  });
  element("subscribe").addEventListener("click", ({ target }) => act(target, subscribe));
  await navigator.serviceWorker.register("push.js");
  navigator.serviceWorker.addEventListener("message", () => fill().catch((error) => say(error.message)));
  fill().then(follow, (error) => say(error.message));
}
