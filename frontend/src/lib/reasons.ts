// Why a channel is not live, for people who read Vietnamese. The server says it in English, as its log does; what
// this table does not know is shown as it was said, because a foreign sentence is better than none.

import type { Lang } from './format';

const SAID: [RegExp, string][] = [
  [/^The source was not asked yet\.$/, 'chưa hỏi nguồn này lần nào'],
  [/^No source was asked yet\.$/, 'chưa hỏi nguồn nào'],
  [/^The source has not answered yet\.$/, 'nguồn chưa trả lời lần nào'],
  [/^The answer that was due has not come\.$/, 'tới hạn mà chưa có trả lời'],
  [/^The figure for (.+) has not come\.$/, 'chưa có số của kỳ $1'],
  [/^It answers, but its own clock stands still since (\S+) on (\S+)\.$/, 'vẫn trả lời nhưng đồng hồ của nó đứng từ $1 ngày $2'],
  [/^It answers, but has said the same (\d+) times in a row\.$/, 'vẫn trả lời nhưng $1 lần liền y như nhau'],
  [/^No source in the settings feeds this channel\.$/, 'chưa có nguồn nào cho số này'],
  [/^Nothing was written here yet; .*$/, 'chưa có số nào, đang chờ lần đầu'],
  [/^This channel is being rebuilt; .*$/, 'đang dựng lại, đây là số trước đó'],
  [/^(.+) (?:gives|give|gave) no sign of life; .*$/, '$1 im lặng, số này có thể đã cũ'],
  [/^(.+) gave no whole answer within ([\d.]+) s; .*$/, '$1 không trả lời trọn trong $2 giây'],
  [/^(.+) could not be asked \(.*$/, 'không gọi được $1'],
  [/^The file (\S+) can't be opened or is locked; .*$/, 'không mở được tệp $1'],
  [/^There is no folder (\S+); .*$/, 'không có thư mục $1'],
  [/^(.+) did not answer the statement: .*$/, '$1 không trả lời câu hỏi dữ liệu'],
  [/^(.+) refused the key .*$/, '$1 từ chối khoá truy cập'],
  [/^(.+) answered HTTP (\d+); .*$/, '$1 trả lời lỗi HTTP $2'],
  [/^(.+) sent an empty body .*$/, '$1 trả lời rỗng'],
  [/^(.+) sent more than .* bytes; .*$/, '$1 gửi quá lớn, không nhận'],
];

const WHO: [RegExp, string][] = [
  [/\bthe projector\b/gi, 'bộ tính số'],
  [/\bthe health watch\b/gi, 'bộ canh nguồn'],
  [/\bRedis\b/g, 'kho Redis'],
  [/ and /g, ' và '],
];

/** The reason in the reader's language, without the technical name of the source before it. */
export function reason(why: string | null | undefined, lang: Lang): string | null {
  if (why === null || why === undefined || why === '') return null;
  const plain = why.replace(/^[a-z0-9][\w-]*: /, '');
  if (lang === 'en') return plain;
  for (const [said, meant] of SAID) {
    if (!said.test(plain)) continue;
    const told = plain.replace(said, meant);
    return WHO.reduce((text, [who, name]) => text.replace(who, name), told);
  }
  return plain;
}

/** Whether the centre itself is silent, though its web server still beats. */
export function silent(why: string | null | undefined): boolean {
  return /no sign of life/.test(why ?? '');
}
