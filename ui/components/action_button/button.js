/** @param {{data: any, parentElement: ShadowRoot, setTriggerValue: (name: string, value: any) => void}} component */
export default function ({ data, parentElement, setTriggerValue }) {
  const button = parentElement.querySelector("button");
  const [icon, label] = button.children;
  button.dataset.testid = data.testid;
  button.className = data.kind;
  button.disabled = data.disabled;
  icon.textContent = data.icon;
  icon.hidden = !data.icon;
  label.textContent = data.label;
  button.onclick = ({ timeStamp }) => setTriggerValue("clicked", timeStamp);
}
