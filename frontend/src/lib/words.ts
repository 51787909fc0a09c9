// The words of the screens, Vietnamese first. Short, sentence case, no exclamation marks.

import type { Lang } from './format';
import type { Method, Text, ThingState } from './protocol';

const VI = {
  live: 'sống', late: 'trễ', stale: 'cũ', down: 'mất', never: 'chưa có', frozen: 'đứng hình',
  machine: 'máy', typed: 'nhập tay', computed: 'tính ra', estimated: 'ước tính',
  due: 'hạn', of: 'của', at: 'lúc', from: 'từ', out_of: 'trên', beat: 'nhịp',
  demo: 'dữ liệu mẫu',
  connected: 'nối máy chủ', silent: 'dữ liệu đứng', opening: 'đang nối', again: 'đang nối lại', gone: 'mất máy chủ', refused: 'bị từ chối',
  gone_title: 'Mất máy chủ', refused_title: 'Không được xem',
  picture_of: 'Số quanh đây là của', not_live: 'không còn sống.',
  coming_back: 'Màn hình đang tự nối lại, lần', no_reload: 'Không cần tải lại trang.',
  never_seen: 'Chưa nhận được số nào.',
  scene_in: 'đổi sau', scene_stopped: 'dừng đổi cảnh', scene_held: 'giữ vì việc mới', scene_pinned: 'đã ghim',
  sources: 'nguồn', sources_more: 'và', sources_title: 'Nguồn dữ liệu',
  sources_fine: 'Mọi nguồn đúng hạn', worst_first: 'nặng nhất trước',
  sources_blind: 'màn hình này không biết nguồn nào còn sống',
  unclaimed: 'chưa nhận', claimed_by: 'nhận', unclaimed_count: 'chưa ai nhận', more_alerts: 'và', more_alerts_end: 'việc nữa',
  no_alerts: 'Không có việc nào chờ',
  revised: 'sửa', before: 'trước', map: 'Bản đồ', approximate: 'ranh giới gần đúng', legend: 'Chú giải',
  camera: 'Camera', report: 'Phản ánh', report_note: '(đặc: quá hạn)', hotspot: 'Điểm nóng', hotspot_note: '(đứt: kéo dài)', station: 'Trạm đo', vessel: 'Tàu', vehicle: 'Xe công cộng', traffic: 'Giao thông', vessel_note: '(đỏ: vùng cấm)', zone: 'Vùng', zone_note: '(gạch: cấm)', site: 'Điểm mạng', village: 'Thôn, bản', village_note: '(vòng: lõm sóng)', gap: 'Thiếu camera', gap_note: '(chéo: không cái nào sống)', press: 'Tin bài', warning: 'Cảnh báo',
  stay: 'Cơ sở lưu trú',
  not_reported: 'chưa báo cáo', communes: 'xã', over: 'quá mức',
  places: 'điểm', cameras: 'camera',
  today: 'Hôm nay', quality: 'Chất lượng', close: 'Đóng', target: 'mục tiêu', short_by: 'thiếu', above_by: 'hơn',
  compared: 'so', whence: 'Con số này từ đâu ra', happened: 'xảy ra', received: 'tỉnh nhận', shown: 'hiện lên', next_due: 'hạn kỳ sau',
  missed: 'đã lỡ', entry: 'Cách nhập', source: 'Nguồn', checks: 'Phép kiểm', checks_passed: 'đạt', checks_none: 'chưa có phép kiểm', parts: 'Gồm',
  coverage: 'Có', whole: 'đủ', missing: 'thiếu', set_aside: 'để riêng', records: 'bản ghi', no_number: 'không có số', days_30: '30 ngày', days_7: '7 ngày', hours_24: '24 giờ',
  no_history: 'Chưa có lịch sử để vẽ.', no_history_now: 'Không lấy được lịch sử lúc này.', loading: 'Đang lấy lịch sử…',
  disagrees: 'Số khác', why: 'Lý do', owner: 'Chủ quản', last_error: 'Lỗi gần nhất', have_expect: 'có / cần', age_column: 'tuổi', cadence: 'kỳ hạn',
  state: 'Trạng thái', language: 'English', waiting: 'chờ số đầu tiên', no_webgl: 'Máy này không vẽ được bản đồ (thiếu WebGL).',
  no_key: 'Màn hình này chưa được phép xem. Mở lại bằng địa chỉ có mã mà máy chủ đã in ra.',
  code_used: 'Mã trong địa chỉ đã dùng rồi hoặc sai. Xin người quản trị một mã mới.',
  no_screen: 'Không có màn hình này trên máy chủ.', unreachable: 'Chưa gặp được máy chủ, đang tự thử lại.',
  map_main: 'Bản đồ chính', use_two_fingers: 'Dùng hai ngón tay để di chuyển bản đồ', use_ctrl: 'Giữ Ctrl và cuộn để phóng bản đồ',
  alerts: 'Cần xử lý', forbidden: 'không được xem', main: 'Màn hình', skip: 'Tới các con số',
  yes: 'có', no: 'không', untried: 'chưa thử', tried_at: 'thử lúc', sector: 'ngành', link_connected: 'Kết nối', link_shared: 'Chia sẻ', link_synced: 'Đồng bộ',
  sectors_left: 'ngành còn lại', sectors_all: 'Cả', sectors_more: 'ngành nữa', sources_left: 'nguồn còn lại',
  have_need: 'có / cần', periods_8: '8 kỳ, kỳ này ở bên phải', reminded: 'nhắc', cells_key: 'xám đúng hạn, sọc trễ, trống thiếu, gạch chân miễn',
  on_time: 'đúng hạn', is_late: 'trễ', is_missing: 'thiếu', is_excused: 'miễn', is_awaited: 'chưa tới hạn', is_never: 'chưa có kỳ nào',
  of_checks: 'trên', both_kept: 'giữ cả hai con số', checks_more: 'phép kiểm trượt nữa', no_failed: 'Không phép kiểm nào trượt', no_checks: 'Chưa có phép kiểm nào chạy',
  check: 'Phép kiểm', one_figure: 'một số', other_figure: 'số kia',
  year: 'năm', lines: 'vạch', may_review: 'xem xét', may_discipline: 'kỷ luật', times: 'lần', agencies_more: 'cơ quan nữa', agency: 'Cơ quan',
  no_reminders: 'Chưa nhắc ai trong năm', none_yet: 'chưa có', no_links: 'Chưa có ngành nào trong thiết đặt', no_ledger: 'Chưa có nguồn nào phải nộp',
  per_days: 'ngày', back: 'Quay lại', show_all: 'xem cả', show_less: 'thu lại', csv: 'tải CSV', list_as_of: 'danh sách ngày', list_invented: 'tên đặt ra cho bản mẫu', list_of: 'Danh sách', period_word: 'Kỳ',
  who: 'Ai', told_at: 'nộp lúc', no_list: 'Không lấy được danh sách lúc này.', fetching: 'Đang lấy danh sách…', no_periods: 'Nguồn này phải trả lời theo nhịp, không nộp theo kỳ, nên không có danh sách đơn vị.',
  nobody: 'không có ai', scores_of: 'Đo thế nào', by_sector: 'Theo ngành', by_source: 'Theo nguồn', no_scores: 'Chưa đo được gì.', fine_left: 'đạt trọn',
  province: 'Cả tỉnh', contract: 'Giao ước', person: 'Người phụ trách', contact: 'Liên hệ', grace: 'ân hạn', last_answer: 'Trả lời gần nhất', observed: 'Số liệu của',
  set_aside_by: 'Để riêng theo lý do', not_found: 'Không lấy được chi tiết nguồn lúc này.', walls: 'Màn hình lớn', wall_lag: 'chậm', wall_none: 'Không có màn hình lớn nào nối vào.',
  agency_told: 'cơ quan báo', officer: 'Người báo', decision: 'Văn bản số', failed_now: 'Đang trượt', to_ledger: 'Sổ nộp', seen_last: 'thấy lúc', draws: 'vẽ', differs_from: 'khác', under_lines: 'cơ quan dưới vạch', at_review: 'lãnh đạo bị xem xét', at_discipline: 'chạm mức kỷ luật', note_seen: 'đã xem', not_noted: 'Không ghi được lúc này.',
  facility: 'Cơ sở y tế', school: 'Trường học',
} as const;

export type Word = keyof typeof VI;

const EN: Record<Word, string> = {
  live: 'live', late: 'late', stale: 'stale', down: 'down', never: 'never', frozen: 'frozen',
  machine: 'machine', typed: 'typed', computed: 'computed', estimated: 'estimated',
  due: 'due', of: 'of', at: 'at', from: 'since', out_of: 'of', beat: 'beat',
  demo: 'demo data',
  connected: 'connected', silent: 'data stand still', opening: 'connecting', again: 'reconnecting', gone: 'server gone', refused: 'refused',
  gone_title: 'Server gone', refused_title: 'Not allowed',
  picture_of: 'The figures around are of', not_live: 'no longer live.',
  coming_back: 'This screen reconnects by itself, attempt', no_reload: 'No reload is needed.',
  never_seen: 'Nothing was received yet.',
  scene_in: 'next in', scene_stopped: 'rotation stopped', scene_held: 'held for a new alert', scene_pinned: 'pinned',
  sources: 'sources', sources_more: 'and', sources_title: 'Sources',
  sources_fine: 'Every source is on time', worst_first: 'worst first',
  sources_blind: 'this screen does not know which sources are alive',
  unclaimed: 'unclaimed', claimed_by: 'has it', unclaimed_count: 'unclaimed', more_alerts: 'and', more_alerts_end: 'more',
  no_alerts: 'Nothing is waiting',
  revised: 'revised', before: 'before', map: 'Map', approximate: 'approximate boundaries', legend: 'Legend',
  camera: 'Cameras', report: 'Reports', report_note: '(filled: overdue)', hotspot: 'Hot spots', hotspot_note: '(dashed: lasts)', station: 'Stations', vessel: 'Vessels', vehicle: 'Public vehicles', traffic: 'Traffic', vessel_note: '(red: closed zone)', zone: 'Zones', zone_note: '(hatched: closed)', site: 'Network sites', village: 'Villages', village_note: '(ring: no signal)', gap: 'No live camera', gap_note: '(cross: none of them lives)', press: 'Press', warning: 'Warnings',
  stay: 'Places to stay',
  not_reported: 'not reported', communes: 'communes', over: 'over the limit',
  places: 'places', cameras: 'cameras',
  today: 'Today', quality: 'Quality', close: 'Close', target: 'target', short_by: 'short by', above_by: 'above by',
  compared: 'against', whence: 'Where this figure comes from', happened: 'happened', received: 'received', shown: 'shown', next_due: 'next due',
  missed: 'missed', entry: 'Entered', source: 'Source', checks: 'Checks', checks_passed: 'passed', checks_none: 'no check yet', parts: 'Made of',
  coverage: 'Have', whole: 'all', missing: 'missing', set_aside: 'set aside', records: 'records', no_number: 'no figure', days_30: '30 days', days_7: '7 days', hours_24: '24 hours',
  no_history: 'There is no history to draw yet.', no_history_now: 'The history can not be had now.', loading: 'Fetching the history…',
  disagrees: 'Other figure', why: 'Why', owner: 'Owner', last_error: 'Last error', have_expect: 'have / expect', age_column: 'age', cadence: 'due every',
  state: 'State', language: 'Tiếng Việt', waiting: 'waiting for the first figure', no_webgl: 'This machine can not draw the map (no WebGL).',
  no_key: 'This screen has no permission yet. Open it by the address with a code that the server printed.',
  code_used: 'The code in the address was used before, or is wrong. Ask the administrator for a new one.',
  no_screen: 'The server has no screen of this name.', unreachable: 'The server was not reached yet; trying again.',
  map_main: 'Main map', use_two_fingers: 'Use two fingers to move the map', use_ctrl: 'Hold Ctrl and scroll to zoom the map',
  alerts: 'To be handled', forbidden: 'not allowed', main: 'Screen', skip: 'To the figures',
  yes: 'yes', no: 'no', untried: 'not probed', tried_at: 'tried', sector: 'sectors', link_connected: 'Connected', link_shared: 'Shared', link_synced: 'Synced',
  sectors_left: 'other sectors', sectors_all: 'All', sectors_more: 'more sectors', sources_left: 'other sources',
  have_need: 'have / need', periods_8: '8 periods, newest on the right', reminded: 'sent', cells_key: 'grey on time, hatched late, empty missing, underlined excused',
  on_time: 'on time', is_late: 'late', is_missing: 'missing', is_excused: 'excused', is_awaited: 'not due yet', is_never: 'nothing told ever',
  of_checks: 'of', both_kept: 'both figures are kept', checks_more: 'more failed', no_failed: 'No check fails', no_checks: 'No check was made yet',
  check: 'Check', one_figure: 'one figure', other_figure: 'the other',
  year: 'in', lines: 'lines', may_review: 'review', may_discipline: 'discipline', times: 'times', agencies_more: 'more agencies', agency: 'Agency',
  no_reminders: 'Nobody was reminded this year', none_yet: 'nothing yet', no_links: 'The settings name no sector yet', no_ledger: 'No source owes anything yet',
  per_days: 'd', back: 'Back', show_all: 'show all', show_less: 'show less', csv: 'get CSV', list_as_of: 'list of', list_invented: 'names made up for the demo', list_of: 'List', period_word: 'Period',
  who: 'Who', told_at: 'told at', no_list: 'The list can not be had now.', fetching: 'Fetching the list…', no_periods: 'This source owes an answer every so often, and no periods, so there is no list of reporters.',
  nobody: 'nobody', scores_of: 'How it is measured', by_sector: 'By sector', by_source: 'By source', no_scores: 'Nothing could be measured yet.', fine_left: 'are whole',
  province: 'The province', contract: 'Contract', person: 'In charge', contact: 'Contact', grace: 'grace', last_answer: 'Last answer', observed: 'Figures of',
  set_aside_by: 'Set aside, by reason', not_found: 'The detail of the source can not be had now.', walls: 'Walls', wall_lag: 'lag', wall_none: 'No wall is connected.',
  agency_told: 'reported', officer: 'Officer', decision: 'Document no.', failed_now: 'Failing now', to_ledger: 'Ledger', seen_last: 'seen', draws: 'draws in', differs_from: 'is not', under_lines: 'agencies below', at_review: 'leader under review', at_discipline: 'discipline considered', note_seen: 'noted', not_noted: 'This could not be noted now.',
  facility: 'Health facilities', school: 'Schools',
};

const ALL: Record<Lang, Record<Word, string>> = { vi: VI, en: EN };

export function word(name: Word, lang: Lang): string {
  return ALL[lang][name];
}

export function stateWord(state: ThingState, lang: Lang): string {
  return ALL[lang][state];
}

export function methodWord(method: Method, lang: Lang): string {
  return ALL[lang][method];
}

/** A text whose English stands in a field of its own. */
export function pair(of: Text | null | undefined, english: string | null | undefined, lang: Lang): string {
  return lang === 'en' && english ? english : text(of, lang);
}

/** The text in the reader's language; either language when the other is missing. */
export function text(of: Text | null | undefined, lang: Lang): string {
  if (of === null || of === undefined) return '';
  if (typeof of === 'string') return of;
  if (Array.isArray(of)) return (lang === 'vi' ? of[0] : of[1]) || of[0];
  return of[lang] || of.vi || of.en || '';
}
