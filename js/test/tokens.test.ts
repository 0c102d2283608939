// How the built-in estimate of tokens errs, against two tokenizers in use. The figures stand in docs/CONTEXT.md.

import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import fc from "fast-check";
import { expect, it } from "vitest";
import { estimateTokens } from "../../dist/esm/entry/inline.js";

const samples = {
  English: "The ferry to the islands leaves at nine in the morning, and we should be at the harbour half an hour before that. My sister has booked the tickets; she paid with her own card, so I owe her forty pounds. If it rains, we will stay at the museum until the afternoon.",
  Chat: "lol yeah!! can't wait 😂😂 btw did u get the tix?? I'm at Joe's rn, it's sooo crowded... see ya @ 7:30pm ❤️",
  German: "Die Fähre zu den Inseln fährt um neun Uhr morgens ab, und wir sollten eine halbe Stunde vorher am Hafen sein. Meine Schwester hat die Fahrkarten gebucht; außerdem hat sie die Unfallversicherungsbescheinigung schon übermäßig früh beantragt.",
  French: "Le bateau pour les îles part à neuf heures du matin, et nous devrions être au port une demi-heure plus tôt. Ma sœur a réservé les billets ; elle a payé avec sa propre carte, donc je lui dois quarante euros.",
  Spanish: "El barco a las islas sale a las nueve de la mañana y deberíamos estar en el puerto media hora antes. Mi hermana reservó los billetes y pagó con su tarjeta, así que le debo cuarenta euros.",
  Polish: "Prom na wyspy odpływa o dziewiątej rano, a my powinniśmy być w porcie pół godziny wcześniej. Moja siostra zarezerwowała bilety i zapłaciła własną kartą, więc jestem jej winien czterdzieści złotych.",
  Turkish: "Adalara giden vapur sabah dokuzda kalkıyor ve yarım saat önce limanda olmalıyız. Kız kardeşim biletleri ayırttı ve kendi kartıyla ödedi, bu yüzden ona kırk lira borçluyum.",
  Vietnamese: "Chuyến phà ra đảo khởi hành lúc chín giờ sáng và chúng ta nên có mặt ở bến cảng trước nửa tiếng. Chị tôi đã đặt vé và trả bằng thẻ của chị ấy.",
  Finnish: "Lautta saarille lähtee yhdeksältä aamulla, ja meidän pitäisi olla satamassa puoli tuntia aikaisemmin. Siskoni varasi liput ja maksoi omalla kortillaan.",
  Russian: "Паром на острова отходит в девять часов утра, и мы должны быть в порту за полчаса до этого. Сестра забронировала билеты и заплатила своей картой, так что я должен ей сорок рублей.",
  Ukrainian: "Пором на острови відходить о дев'ятій ранку, і ми маємо бути в порту за пів години до цього. Сестра забронювала квитки й заплатила власною карткою.",
  Greek: "Το πλοίο για τα νησιά φεύγει στις εννέα το πρωί και πρέπει να είμαστε στο λιμάνι μισή ώρα νωρίτερα. Η αδελφή μου έκλεισε τα εισιτήρια και πλήρωσε με την κάρτα της.",
  Arabic: "تغادر العبارة إلى الجزر في الساعة التاسعة صباحا، ويجب أن نكون في الميناء قبل ذلك بنصف ساعة. حجزت أختي التذاكر ودفعت ببطاقتها الخاصة.",
  Hebrew: "המעבורת לאיים יוצאת בתשע בבוקר, ואנחנו צריכים להיות בנמל חצי שעה קודם לכן. אחותי הזמינה את הכרטיסים ושילמה בכרטיס שלה.",
  Persian: "کشتی جزیره‌ها ساعت نه صبح حرکت می‌کند و ما باید نیم ساعت زودتر در بندر باشیم. خواهرم بلیت‌ها را رزرو کرده است.",
  Hindi: "द्वीपों के लिए नाव सुबह नौ बजे निकलती है और हमें आधा घंटा पहले बंदरगाह पर पहुँचना चाहिए। मेरी बहन ने टिकट बुक किए और अपने कार्ड से पैसे दिए।",
  Bengali: "দ্বীপের ফেরি সকাল নয়টায় ছাড়ে এবং আমাদের আধ ঘণ্টা আগে বন্দরে থাকা উচিত। আমার বোন টিকিট কেটেছে।",
  Tamil: "தீவுகளுக்கான படகு காலை ஒன்பது மணிக்குப் புறப்படுகிறது, நாங்கள் அரை மணி நேரம் முன்னதாக துறைமுகத்தில் இருக்க வேண்டும்.",
  Thai: "เรือข้ามฟากไปเกาะออกเวลาเก้าโมงเช้า และเราควรไปถึงท่าเรือก่อนเวลาครึ่งชั่วโมง พี่สาวของฉันจองตั๋วแล้ว",
  Chinese: "去岛上的渡轮早上九点出发，我们应该提前半小时到达港口。我姐姐已经订好了票，用她自己的卡付了钱，所以我欠她四十块。",
  Japanese: "島へのフェリーは朝九時に出発するので、三十分前には港に着いているべきです。姉が切符を予約して、自分のカードで払ってくれました。",
  Korean: "섬으로 가는 배는 아침 아홉 시에 출발하니 우리는 삼십 분 전에 항구에 도착해야 합니다. 누나가 표를 예약하고 자기 카드로 결제했습니다.",
  Georgian: "კუნძულებისკენ ბორანი დილის ცხრა საათზე გადის და ჩვენ ნახევარი საათით ადრე უნდა ვიყოთ ნავსადგურში.",
  Amharic: "ወደ ደሴቶቹ የሚሄደው ጀልባ ከጠዋቱ ሶስት ሰዓት ላይ ይነሳል እና ከዚያ ግማሽ ሰዓት በፊት ወደብ ላይ መሆን አለብን።",
  Emoji: "🎉🎂 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ✈️ 🧑‍🚀 🚢 🌊 ☕ 🥐 🇮🇹 🇯🇵",
  Code: "export async function fetchAll(urls: string[]): Promise<Response[]> {\n  const found = await Promise.all(urls.map((url) => fetch(url, { signal })));\n  if (!found.every((one) => one.ok)) throw new Error(`HTTP ${found[0]?.status}`);\n  return found;\n}",
  Json: '{"id":"01J8ZQ4K5T9W3X7Y2A6B8C0D1E","price":1299.95,"tags":["work","travel"],"at":"2026-03-14T09:30:00Z","ok":true,"list":[[1,2],[3,4]]}',
  Numbers: "Call +44 20 7946 0958 before 2026-03-14; order 48151623421008 costs 1,299.95 and weighs 0.0315 kg; 3.14159265358979.",
  Url: "See https://example.org/a/very/long/path/index.html?utm_source=newsletter&session=9f8e7d6c5b4a39281706&lang=en-GB#section-4.2",
  Base64: "c3RyYXRhbWVtIGlzIGEgbGF5ZXJlZCBtZW1vcnk6IHdvcmtpbmcsIGludGVybWVkaWF0ZSwgbG9uZy10ZXJtLiBRdWl0ZSBzbw==",
  Markdown: "## Plan\n\n- [x] book **tickets** (see `notes.md`)\n- [ ] pay *Maya* back: €40\n\n| day | what |\n|---|---|\n| Mon | ferry |\n",
} as const;

/** The estimate divided by what o200k_base and cl100k_base count. */
const errors: Record<keyof typeof samples, readonly [number, number]> = {
  English: [1.12, 1.12],
  Chat: [1.38, 1.15],
  German: [1.19, 0.88],
  French: [1.14, 0.97],
  Spanish: [1.17, 1.02],
  Polish: [1.22, 0.99],
  Turkish: [1.05, 0.82],
  Vietnamese: [1.24, 0.73],
  Finnish: [0.89, 0.69],
  Russian: [1.68, 1.14],
  Ukrainian: [1.48, 0.91],
  Greek: [2.15, 0.99],
  Arabic: [2.88, 1.47],
  Hebrew: [2.93, 1.08],
  Persian: [3.08, 1.41],
  Hindi: [4.5, 1.38],
  Bengali: [4.18, 1.2],
  Tamil: [4.81, 1.11],
  Thai: [2.47, 1.16],
  Chinese: [1.83, 1.06],
  Japanese: [1.85, 1.21],
  Korean: [1.58, 0.99],
  Georgian: [5.7, 1.04],
  Amharic: [0.98, 0.76],
  Emoji: [1.47, 1.06],
  Code: [1.58, 1.63],
  Json: [1.33, 1.35],
  Numbers: [1.02, 1.02],
  Url: [1.25, 1.25],
  Base64: [0.83, 0.79],
  Markdown: [1.27, 1.27],
};

it.each(Object.keys(samples) as (keyof typeof samples)[])("estimates %s", (name) => {
  const estimate = estimateTokens(samples[name]);
  const ratio = (count: (text: string) => number): number => Number((estimate / count(samples[name])).toFixed(2));
  expect([ratio(o200k), ratio(cl100k)]).toEqual(errors[name]);
});

it("estimates a whole number, more for more, for any text", () => {
  expect(estimateTokens("")).toBe(0);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
      const tokens = estimateTokens(one);
      expect(Number.isInteger(tokens) && tokens >= 0).toBe(true);
      expect(estimateTokens(`${one} ${other}`)).toBeGreaterThanOrEqual(Math.max(tokens, estimateTokens(other)) - 1);
    }),
  );
});
