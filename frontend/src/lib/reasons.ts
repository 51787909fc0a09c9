// Why a channel is not live, for people who read Vietnamese. The server says it in English, as its log does; what
// this table does not know is shown as it was said, because a foreign sentence is better than none.

import type { Lang } from './format';

const SAID: [RegExp, string][] = [
  [/^The source was not asked yet\.$/, 'chưa hỏi nguồn này lần nào'],
  [/^No source was asked yet\.$/, 'chưa hỏi nguồn nào'],
  [/^The source has not answered yet\.$/, 'nguồn chưa trả lời lần nào'],
  [/^The answer that was due has not come\.$/, 'tới hạn mà chưa có trả lời'],
  [/^The figure for (.+) has not come\.$/, 'chưa có số của kỳ $1'],
  [/^It answers, but its own clock stands still since (\S+) on (\S+)\.$/, 'đồng hồ của nó đứng từ $1 ngày $2'],
  [/^It answers, but has said the same (\d+) times in a row\.$/, '$1 lần liền trả lời y như nhau'],
  [/^It answers, but not one of its (\d+) records can be read since (\S+) on (\S+)\.$/, 'không đọc được bản ghi nào trong $1, từ $2 ngày $3'],
  [/^No source in the settings feeds this channel\.$/, 'chưa có nguồn nào cho số này'],
  [/^Nothing was written here yet; .*$/, 'chưa có số nào, đang chờ lần đầu'],
  [/^This channel is being rebuilt; .*$/, 'đang dựng lại, đây là số trước đó'],
  [/^(.+) (?:gives|give|gave) no sign of life; .*$/, '$1 im lặng, số này có thể đã cũ'],
  [/^(.+?) gave no whole answer within ([\d.]+) s; .*$/, '$1 không trả lời trọn trong $2 giây'],
  [/^(.+?) could not be asked[ (;].*$/, 'không gọi được $1'],
  [/^(\S+) .+? \(\w+\); check that the broker runs.*$/, 'không gọi được $1'],
  [/^The adapter (.+?) has no parse method; .*$/, 'bộ nối $1 chưa viết xong'],
  [/^(.+?) can't be reached \(.*$/, 'không nối được $1'],
  [/^(.+?) did not answer the statement: .*$/, '$1 không trả lời câu hỏi dữ liệu'],
  [/^(.+?) refused the key .*$/, '$1 từ chối khoá truy cập'],
  [/^(.+?) does not let us in .*$/, '$1 không cho vào'],
  [/^(.+?) has not let us in yet; .*$/, '$1 chưa cho vào'],
  [/^(.+?) answered HTTP (\d+) at the asking for a token; .*$/, '$1 trả lời lỗi HTTP $2 khi xin mã truy cập'],
  [/^(.+?) answered HTTP (\d+); .*$/, '$1 trả lời lỗi HTTP $2'],
  [/^(.+?) answered with the error (.+?) \(.*$/, '$1 trả lời lỗi $2'],
  [/^(.+?) gave no access_token; .*$/, '$1 không cấp mã truy cập'],
  [/^(.+?) ended the connection[ (;].*$/, '$1 ngắt kết nối, đang nối lại'],
  [/^(.+?) broke off \(.*$/, '$1 đứt kết nối, đang gọi lại'],
  [/^(.+?) sends more than we can keep; .*$/, '$1 gửi nhiều hơn mức nhận được, đang nối lại'],
  [/^(.+?) ended in the middle of its pages; .*$/, '$1 dừng giữa chừng, chưa nhận gì'],
  [/^(.+?) names a next page on another host; .*$/, '$1 chỉ sang trang của máy khác, không theo'],
  [/^(.+?) has more than (\S+) pages; .*$/, '$1 có hơn $2 trang, chưa nhận gì'],
  [/^(.+?) sends the same page again and again; .*$/, '$1 gửi lại mãi một trang'],
  [/^(\S+) of (\S+) known records were missing at once; .*$/, 'thiếu cùng lúc $1 trên $2 bản ghi đã biết, không tin, giữ hình trước'],
  [/^(?:If they really ended|Raise|Ask for pages|Try again|Many write|Correct (?:it|the file),).*$/, ''],

  [/^The file (\S+) can't be opened or is locked; .*$/, 'không mở được tệp $1'],
  [/^There is no folder (\S+); .*$/, 'không có thư mục $1'],
  [/^The folder (.+?) can't be read .*$/, 'không đọc được thư mục $1'],
  [/^A file has the name (.+?), which is not plain UTF-8; .*$/, 'tên tệp $1 không phải UTF-8'],
  [/^The control file (.+?) is larger than .*$/, 'tệp kiểm đếm $1 quá lớn'],
  [/^The list of crossroads tells no place for (.+?); .*$/, 'danh sách nút giao không ghi vị trí của $1'],
  [/^The list of crossroads can't be read.*$/, 'không đọc được danh sách nút giao'],
  [/^The cameras of (.+?) are (?:.+?): which of them live is not known; .*$/, 'chưa rõ camera nào của $1 còn sống'],
  [/^The table has no column (.+?) any more; .*$/, 'bảng không còn cột $1'],
  [/^The rows do not come in the order of (.+?); .*$/, 'các dòng không theo thứ tự của $1'],
  [/^The statement gives no column (.+?); .*$/, 'câu hỏi dữ liệu không cho cột $1'],
  [/^The statement gives (.+?) twice; .*$/, 'câu hỏi dữ liệu cho cột $1 hai lần'],
  [/^The tally gives no single row .*$/, 'câu kiểm đếm không cho đúng một dòng'],
  [/^The header of the feed can't be read\.$/, 'không đọc được phần đầu của bản tin'],
  [/^The canary did not say a time; .*$/, 'tin thử không ghi giờ'],
  [/^(.+?) tells a tally that can't be read\.$/, 'không đọc được số kiểm đếm của $1'],
  [/^(.+?) tells no (.+?) in its tally; .*$/, 'số kiểm đếm của $1 thiếu $2'],
  [/^(.+?) can't be read \(.*$/, 'không đọc được $1'],
  [/^(.+?) is a link or may not be read; .*$/, 'tệp $1 là liên kết hoặc không được đọc'],
  [/^(.+?) is no plain file; .*$/, '$1 không phải là tệp'],
  [/^(.+?) is larger than (.+?) bytes; .*$/, 'tệp $1 quá lớn'],
  [/^(.+?) unpacks to more than .*$/, 'tệp $1 giải nén ra quá lớn'],
  [/^(.+?) has more than .* rows; .*$/, 'tệp $1 quá nhiều dòng'],
  [/^(.+?) has (?:a cell with|cells as far out as) .*$/, 'tệp $1 có ô không đọc được'],
  [/^(.+?) is empty; .*$/, 'tệp $1 rỗng'],
  [/^(.+?) is an HTML or XML page and no table; .*$/, '$1 là trang web, không phải bảng'],
  [/^(.+?) is an old XLS or a locked workbook; .*$/, '$1 là XLS cũ hoặc có mật khẩu'],
  [/^(.+?) is UTF-16 and no log; .*$/, '$1 không phải nhật ký UTF-8'],
  [/^(.+?) is (?:no XLSX inside|a broken XLSX|a broken or cut XLSX|a zip but no XLSX)\b.*$/, '$1 là XLSX hỏng'],
  [/^(.+?) has no sheet (.+?), only .*$/, '$1 không có trang tính $2'],
  [/^(.+?) has no header row .*$/, '$1 không có dòng tiêu đề'],
  [/^(.+?) has no column (.+?); .*$/, '$1 không có cột $2'],
  [/^(.+?) has no row (.+?); .*$/, '$1 không có dòng $2'],
  [/^(.+?) is no book of this source: .*$/, '$1 không phải sách của nguồn này'],
  [/^(.+?) names no period .*$/, '$1 không ghi kỳ số liệu'],
  [/^No form takes files of that name\.$/, 'không mẫu nào nhận tệp tên này'],
  [/^It has no column (.+?)\.$/, 'thiếu cột $1'],
  [/^(\S+) has none of the forms .*$/, 'tệp $1 không theo mẫu nào đã biết'],

  [/^(.+?) sent half a body: .*$/, '$1 gửi dở dang, không nhận'],
  [/^(.+?) sent XML with a document type or entities, .*$/, '$1 gửi XML có thực thể, không nhận'],
  [/^(.+?) sent (?:an|sends an) HTML page.*$/, '$1 trả về một trang web, không phải dữ liệu'],
  [/^(.+?) sends an HTML page; .*$/, '$1 trả về một trang web, không phải dữ liệu'],
  [/^(.+?) (?:sent|gave) an empty body.*$/, '$1 trả lời rỗng'],
  [/^(.+?) sent more than (.+?) (?:bytes|values|entities)\b.*$/, '$1 gửi quá lớn, không nhận'],
  [/^(.+?) sent a line of more than .*$/, '$1 gửi dòng quá dài, không phải NMEA'],
  [/^(.+?) sends no sentence of NMEA 0183; .*$/, '$1 không gửi NMEA'],
  [/^(.+?) sends changes alone .*$/, '$1 chỉ gửi phần thay đổi'],
  [/^(.+?) sent a log that was cut; .*$/, '$1 gửi nhật ký bị cắt, sẽ hỏi lại'],
  [/^(.+?) sent no UTF-8; .*$/, '$1 gửi không phải UTF-8'],
  [/^(.+?) sent XML instead of JSON; .*$/, '$1 gửi XML thay vì JSON'],
  [/^(.+?) sent (?:XML|JSON) that (?:nests|holds|is no) .*$/, '$1 gửi dữ liệu không đúng dạng'],
  [/^(.+?) sent (?:XML with the root|no XML|no list|no whole|a feed without|what is neither|.+? where records were due).*$/, '$1 gửi dữ liệu không đúng dạng'],
  [/^(.+?) gave what is no message of a broker; .*$/, '$1 gửi dữ liệu không đúng dạng'],
  [/^(.+?) sent (.+?) \(\S+ bytes\); .*$/, '$1 gửi dữ liệu không đọc được'],

  [/^This figure could not be worked out \((.+?)\); .*$/, 'không tính được số này ($1)'],
  [/^The newest figure was valid until (\S+), and no newer one has come\.$/, 'số mới nhất có giá trị đến $1, chưa có số mới hơn'],
  [/^(.+?) came by itself, so the spreadsheet is not used any more.*$/, '$1 đã có nguồn máy, thôi dùng bảng tính'],
  [/^Redis (?:does not answer|takes nothing at the moment) .*$/, 'Redis không trả lời, đang chờ'],
  [/^(?:The Redis primary was replaced|No server of the (?:Redis Cluster|cluster)|The log is being laid out anew).*$/, 'Redis đang đổi máy, đang chờ'],
];

const WHO: [RegExp, string][] = [
  [/\bthe projector\b/gi, 'bộ tính số'],
  [/\bthe health watch\b/gi, 'bộ canh nguồn'],
  [/\bRedis\b/g, 'kho Redis'],
  [/^The file /, 'tệp '],
  [/ and /g, ' và '],
];

/** The reason in the reader's language, without the technical name of the source before it. */
export function reason(why: string | null | undefined, lang: Lang): string | null {
  if (why === null || why === undefined || why === '') return null;
  const plain = why.replace(/^[a-z0-9][\w-]*: /, '');
  if (lang === 'en') return plain;
  const whole = told(plain);
  if (whole !== null) return whole;
  // several sentences: what a source says of each of its files, say
  const each = plain.split(/(?<=\.) (?=\S)/).map((one) => told(one) ?? one);
  return [...new Set(each)].filter((one) => one !== '').join('; ');
}

function told(sentence: string): string | null {
  // one sentence alone: a rule that reads on would drop what the others say
  if (/\. (?!If they|Raise|Ask for|Try)\S/.test(sentence)) return null;
  for (const [said, meant] of SAID) {
    if (!said.test(sentence)) continue;
    return WHO.reduce((text, [who, name]) => text.replace(who, name), sentence.replace(said, meant));
  }
  return null;
}

/** Whether the centre itself is silent, though its web server still beats. */
export function silent(why: string | null | undefined): boolean {
  return /no sign of life/.test(why ?? '');
}
