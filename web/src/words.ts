/** Every word on the page, in both languages: [English, 简体中文]. `{name}` is filled in. */

export type Language = 'en' | 'zh';

export const WORDS = {
  'app.name': ['City Brain', '城市大脑'],
  'app.simulated': ['Simulated city', '仿真城市'],
  'app.skip': ['Skip to the vital signs', '跳到生命体征'],
  'app.map': ['Map of {city}', '{city}地图'],
  'app.loading': ['Drawing the map…', '正在绘制地图…'],
  'app.failed': ['The map did not come: {why}', '地图加载失败：{why}'],
  'app.retry': ['Try again', '重试'],
  'app.language': ['中文', 'English'],
  'app.language.title': ['切换到中文', 'Switch to English'],
  'app.speed': ['{n}× time', '{n}倍速'],
  'app.city_time': ['City time', '城市时间'],

  'link.connecting': ['Connecting', '连接中'],
  'link.live': ['Live', '实时'],
  'link.stale': ['Stale {age}', '已过期 {age}'],
  'link.lost': ['Connection lost, trying again', '连接中断，正在重试'],

  'map.zoom_in': ['Zoom in', '放大'],
  'map.zoom_out': ['Zoom out', '缩小'],
  'map.show_all': ['Show the whole city', '显示全城'],
  'map.truth': ['Vehicles: simulation truth', '车辆：仿真真值'],
  'map.plain': [
    'Plain map: this browser has no WebGL 2, so it cannot zoom.',
    '简图：浏览器不支持WebGL 2，无法缩放。',
  ],
  'map.legend': ['Key', '图例'],
  'map.legend.standing': ['Standing vehicle', '停驶车辆'],
  'map.legend.moving': ['Moving vehicle', '行驶车辆'],
  'map.legend.bus': ['Bus, tram', '公交、有轨电车'],
  'map.legend.emergency': ['Emergency vehicle', '应急车辆'],
  'map.legend.slow': ['Below half of the allowed speed', '低于限速一半'],
  'map.legend.very_slow': ['Below a quarter of it', '低于限速四分之一'],
  'map.legend.red': ['Red', '红灯'],
  'map.legend.amber': ['Amber', '黄灯'],
  'map.legend.green': ['Green', '绿灯'],
  'map.legend.own_plan': ['Junction on its own plan', '路口按自有方案运行'],

  'search.label': ['Find a junction', '查找路口'],
  'search.hint': ['Junction or street', '路口或街道'],
  'search.none': ['No junction of that name', '没有匹配的路口'],

  'vitals.title': ['Vital signs', '生命体征'],
  'vitals.target': ['Target: better than the shadow city under actuated control.', '目标：优于感应控制的影子城市。'],
  'vitals.source': ['Source: {source}', '来源：{source}'],
  'vitals.open': ['{name}: open the records behind it', '{name}：查看背后的记录'],
  'vitals.chart': ['Mean delay, the last hours', '平均延误走势'],
  'vitals.living': ['This city, under the brain', '本城（大脑控制）'],
  'vitals.shadow': ['Shadow city, actuated', '影子城市（感应控制）'],

  'metric.in_transit': ['Vehicles in transit', '在途量'],
  'metric.mean_delay_s': ['Mean delay', '平均延误'],
  'metric.delay_index': ['Delay index', '延误指数'],
  'metric.mean_speed_mps': ['Mean speed', '平均速度'],
  'metric.longest_queue_m': ['Longest queue', '最长排队'],
  'metric.arrived': ['Throughput', '通过量'],
  'metric.in_transit.meaning': ['Vehicles on the road now.', '当前在路上的车辆。'],
  'metric.mean_delay_s.meaning': [
    'Time lost against free flow, waiting to enter included: mean over vehicles on their way or arrived in the last 15 minutes.',
    '相对自由流损失的时间（含等待驶入）：在途及近15分钟到达车辆的均值。',
  ],
  'metric.delay_index.meaning': [
    'Travel time over free-flow travel time of the same vehicles; 1 is free flow.',
    '同一批车辆的行程时间与自由流行程时间之比；1为自由流。',
  ],
  'metric.mean_speed_mps.meaning': ['Mean speed of the vehicles on the road.', '在途车辆的平均速度。'],
  'metric.longest_queue_m.meaning': ['Longest queue at a stop line now.', '当前停车线处最长排队。'],
  'metric.arrived.meaning': ['Vehicles that arrived within the last 60 minutes.', '近60分钟到达的车辆。'],

  'unit.veh': ['veh', '辆'],
  'unit.s': ['s', '秒'],
  'unit.index': ['', ''],
  'unit.kmh': ['km/h', '千米/时'],
  'unit.m': ['m', '米'],
  'unit.percent': ['%', '%'],
  'unit.vph': ['veh/h', '辆/时'],

  'against.less': ['{n} % below actuated', '比感应控制低{n}%'],
  'against.more': ['{n} % above actuated', '比感应控制高{n}%'],
  'against.same': ['as under actuated', '与感应控制持平'],
  'against.worse': ['worse', '较差'],
  'against.none': ['no shadow figure', '暂无影子数据'],
  'trend.up': ['rising', '上升'],
  'trend.down': ['falling', '下降'],
  'trend.flat': ['steady', '平稳'],

  'age.s': ['{n} s', '{n}秒'],
  'age.min': ['{n} min', '{n}分钟'],
  'age.h': ['{n} h', '{n}小时'],
  'age.ago': ['{age} ago', '{age}前'],
  'age.stale': ['stale {age}', '已过期{age}'],

  'records.title': ['Records behind: {name}', '背后的记录：{name}'],
  'records.hours': ['Span', '时间范围'],
  'records.hours.n': ['{n} h', '{n}小时'],
  'records.time': ['City time', '城市时间'],
  'records.live': ['This city', '本城'],
  'records.shadow': ['Shadow', '影子城市'],
  'records.difference': ['Difference', '差异'],
  'records.from_library': ['From the library, means of {n} s.', '来自资料库，{n}秒均值。'],
  'records.from_memory': [
    'The library does not answer: what this page\'s server remembers.',
    '资料库无响应：显示服务器内存中的数据。',
  ],
  'records.none': ['No records in this span', '该时间范围内没有记录'],
  'records.failed': ['The records did not come: {why}', '记录加载失败：{why}'],
  'records.table': ['Newest records', '最新记录'],

  'panel.back': ['Overview', '总览'],

  'junction.title': ['Junction {name}', '路口 {name}'],
  'junction.stages': ['Stages', '相位阶段'],
  'junction.stage': ['Stage {n}', '阶段{n}'],
  'junction.now': ['now, {age}', '当前，已{age}'],
  'junction.on_foot': ['on foot', '行人'],
  'junction.next': ['next', '下一个'],
  'junction.changing': ['Lamps are changing to stage {n}', '正在切换到阶段{n}'],
  'junction.movements': ['Movements and queues', '流向与排队'],
  'junction.queue': ['Queue', '排队'],
  'junction.age': ['Age', '时效'],
  'junction.never_seen': ['never', '从无'],
  'junction.exit_full': ['exit full', '出口已满'],
  'junction.waited': ['Waited', '已等待'],
  'junction.queue_of': ['{n} ± {sd} veh', '{n} ± {sd} 辆'],
  'junction.always_green': ['always green', '常绿'],
  'junction.estimate': ['Queues: the brain\'s estimate from detectors', '排队：大脑由检测器估计'],
  'junction.limits': [
    'Green at least {min} s, red at most {max} s, own cycle {cycle} s',
    '最短绿灯{min}秒，最长红灯{max}秒，自有周期{cycle}秒',
  ],
  'junction.refusals': ['Refused orders', '被拒指令'],
  'junction.no_refusals': ['The guard refused nothing here.', '守卫在此没有拒绝任何指令。'],
  'junction.not_controllable': ['The brain may not control it: {why}', '大脑不可控制：{why}'],
  'junction.failed': ['The junction did not come: {why}', '路口数据加载失败：{why}'],
  'junction.none': ['No such junction', '没有该路口'],

  'decisions.title': ['Last decisions of the brain', '大脑最近的决定'],
  'decisions.none': ['The brain has not decided anything here yet.', '大脑尚未在此作出决定。'],
  'decisions.held': ['held {age}', '保持{age}'],
  'decisions.all': ['All {n}', '全部{n}条'],
  'decisions.fewer': ['Fewer', '收起'],

  'detectors.title': ['Detectors', '检测器'],
  'detectors.unknown': ['Nothing is known of its detectors yet.', '暂无检测器状态。'],
  'detectors.all_work': ['The brain believes all {n}.', '大脑采信全部{n}个检测器。'],
  'detectors.some': [
    '{n} of {all} are not believed; the brain goes by the approach as a whole there.',
    '{all}个中有{n}个不被采信，大脑改用整个进口的数据。',
  ],
  'detector.works': ['believed', '采信'],
  'detector.out': ['out', '故障'],
  'detector.silent': ['silent', '无数据'],
  'detector.disbelieved': ['not believed', '不采信'],
  'detector_reason.says_so': ['it reports a fault itself', '检测器自报故障'],
  'detector_reason.no_readings': ['no readings come', '没有读数'],
  'detector_reason.repeats': ['it repeats the same reading', '读数重复不变'],
  'detector_reason.stands_in_green': ['vehicles that stand though it is green', '绿灯时仍显示停驶车辆'],
  'detector_reason.sees_nobody': ['it sees nobody where others do', '他处有车而其无车'],
  'detector_reason.too_many': ['more vehicles than can pass', '车辆数超出可能'],

  'measures.open': ['Signal performance…', '信号运行指标…'],
  'measures.title': ['Signal performance: {name}', '信号运行指标：{name}'],
  'measures.back': ['Junction', '路口'],
  'measures.failed': ['The measures did not come: {why}', '指标加载失败：{why}'],
  'measures.none': [
    'No measures in this span: the first come 5 minutes after the city has begun, each 5 minutes.',
    '该时段暂无指标：城市启动5分钟后开始产生，每5分钟一次。',
  ],
  'measures.no_cycles': ['No whole cycle in this span yet.', '该时段尚无完整周期。'],
  'measures.table': ['Measures by movement', '各流向指标'],
  'measures.movement': ['Movement', '流向'],
  'measures.source': [
    'From detectors and lamps, {begin} to {end}: traffic.movement_measure, traffic.movement_cycle.',
    '来自检测器与信号灯，{begin}至{end}：traffic.movement_measure、traffic.movement_cycle。',
  ],
  'measures.export': ['Export CSV', '导出CSV'],
  'measures.choose': ['Measure drawn', '所绘指标'],
  'measures.over_time': ['{name}, over time', '{name}：随时间变化'],
  'measures.chance': ['Dashed: the part of green, what chance alone would give.', '虚线：绿信比，即随机到达时的比例。'],
  'measures.diagram': ['{name}: Purdue coordination diagram', '{name}：普渡协调图'],
  'measures.diagram.words': [
    '{name}: {n} cycles; {share} % of the arrivals came on green, platoon ratio {ratio}. Across: time of day; up: second of the cycle, from the begin of red.',
    '{name}：{n}个周期；{share}%的车辆在绿灯期间到达，车队比{ratio}。横轴：时刻；纵轴：自红灯亮起的秒数。',
  ],
  'measures.failed_at': ['Green was too short in {n} cycles, last at {times}', '{n}个周期绿灯不足，最近：{times}'],
  'measures.key.arrival': ['arrival', '到达'],
  'measures.key.green': ['green begins', '绿灯亮起'],
  'measures.key.amber': ['green ends', '绿灯结束'],
  'measures.key.red': ['red begins', '红灯亮起'],
  'measure.volume_vph': ['Volume', '流量'],
  'measure.on_green_share': ['On green', '绿灯到达'],
  'measure.platoon_ratio': ['Platoon', '车队比'],
  'measure.split_failures': ['Split failures', '绿灯不足'],
  'measure.queue_veh': ['Max queue', '最长排队'],
  'measure.delay_s': ['Delay', '延误'],
  'measure.walk_wait_s': ['On foot', '行人等待'],
  'measure.cycle_s': ['Cycle', '周期'],
  'measure.green_share': ['Green', '绿信比'],
  'measure.seen': ['Seen', '检测率'],
  'measure.volume_vph.meaning': ['Vehicles that crossed the stop line.', '越过停车线的车辆。'],
  'measure.on_green_share.meaning': ['Part of the arrivals that came while it was green.', '绿灯期间到达的车辆比例。'],
  'measure.platoon_ratio.meaning': ['Arrivals on green over the part of green: above 1 they come in time.', '绿灯到达比例与绿信比之比：大于1为有利。'],
  'measure.split_failures.meaning': ['Cycles whose green was too short for the queue, of all cycles.', '绿灯不足以清空排队的周期数/总周期数。'],
  'measure.queue_veh.meaning': ['Longest queue, by the brain\'s estimate.', '大脑估计的最长排队。'],
  'measure.delay_s.meaning': ['Mean wait from arrival on red to green, over all arrivals.', '红灯到达至绿灯的平均等待，按全部到达计。'],
  'measure.walk_wait_s.meaning': ['Expected wait of a pedestrian who comes at any time.', '任意时刻到达的行人的期望等待。'],
  'measure.cycle_s.meaning': ['Mean cycle.', '平均周期。'],
  'measure.green_share.meaning': ['Part of the cycles with green.', '绿灯时间占周期的比例。'],
  'measure.seen.meaning': ['Part of the readings whose detectors worked.', '检测器正常的读数比例。'],
  'span.title': ['Time of day', '时段'],
  'span.hour': ['Last hour', '近1小时'],
  'span.hours': ['Last 3 h', '近3小时'],
  'span.morning': ['7–9 h', '7–9时'],
  'span.evening': ['16–19 h', '16–19时'],
  'span.day': ['Whole day', '全天'],
  'span.date': ['Day', '日期'],
  'span.begin': ['From', '从'],
  'span.end': ['To', '至'],

  'limits.max_green': ['Green at most, when others wait', '有人等待时最长绿灯'],
  'limits.walk': ['Walk at least', '最短行人绿灯'],
  'limits.group': ['Coordinated with group', '协调组'],
  'limits.priority': ['{who} counts {weight}-fold', '{who}权重{weight}'],
  'limits.and': [' and ', '和'],
  'plan.title': ['Own plan and limits', '自有方案与限制'],
  'plan.none': ['It has no own plan that changes stages.', '没有可切换阶段的自有方案。'],
  'plan.stage': ['stage {n} {s} s', '阶段{n} {s}秒'],
  'plan.and': [' and then ', '，然后'],
  'plan.changes': ['; lamps changing {s} s', '；切换共{s}秒'],

  'control.brain': ['Brain', '大脑'],
  'control.own_plan': ['Own plan', '自有方案'],
  'control.silence': ['Own plan: the brain is silent', '自有方案：大脑无响应'],
  'control.refused': ['Own plan: not controllable', '自有方案：不可控'],
  'control.hold': ['Stage held', '保持阶段'],
  'control.flash': ['Flashing amber', '黄闪'],
  'control.advised': ['Own plan, the brain advises', '自有方案，大脑建议'],
  'control.approved': ['Approved proposal', '已批准的建议'],
  'control.preempted': ['Priority run', '优先通行'],
  'control.unknown': ['not heard yet', '尚无数据'],

  'count.vehicle': ['{n} vehicle', '{n}辆'],
  'count.vehicles': ['{n} vehicles', '{n}辆'],
  'why.hold_min_green': ['Its green is younger than the minimum.', '绿灯尚未满最短时间。'],
  'why.hold_serving': ['It still serves {serves}: {veh}.', '仍在放行{serves}：{veh}。'],
  'why.hold_empty': ['Nobody waits elsewhere, so it stays.', '其他方向无人等待，保持不变。'],
  'why.hold_changing': ['The lamps are changing.', '信号灯正在切换。'],
  'why.longest_queue': ['Most vehicles a second, change included: {serves}, {veh}.', '计入切换损失后每秒放行最多：{serves}，{veh}。'],
  'why.only_demand': ['Only here somebody waits: {serves}, {veh}.', '仅此处有需求：{serves}，{veh}。'],
  'why.max_red': ['The red of {serves} is as long as is allowed.', '{serves}的红灯已达上限。'],
  'why.max_green': ['It has had its maximum green, and others are served now.', '该阶段已达最长绿灯，转为放行其他方向。'],
  'why.exit_blocked': ['The exit that it would fill is full; another stage goes first.', '当前阶段出口已满，先放行其他阶段。'],
  'why.no_data': ['No fresh detector data: it goes by the arrivals that it expects.', '无最新检测数据：按预计到达运行。'],
  'why.waits': ['Longest without green: {waits}, {age}.', '等待最久：{waits}，{age}。'],
  'why.waits_veh': ['Longest without green: {waits}, {veh}, {age}.', '等待最久：{waits}，{veh}，{age}。'],
  'why_not.own_plan': ['The junction runs its own plan.', '路口按自有方案运行。'],
  'why_not.silence': ['The brain is silent: the junction runs its own plan.', '大脑无响应：路口按自有方案运行。'],
  'why_not.refused': ['The junction runs its own plan: it cannot be controlled.', '路口不可控，按自有方案运行。'],
  'why_not.hold': ['A person holds this stage.', '人员保持此阶段。'],
  'why_not.flash': ['A person has set it to flashing amber.', '人员已设为黄闪。'],
  'why_not.advised': ['The junction runs its own plan; the brain only proposes.', '路口按自有方案运行，大脑仅提出建议。'],
  'why_not.preempted': ['A stage with priority is shown, for an escort or an emergency.', '为护送或应急车辆优先放行。'],

  'from.n': ['from the north', '北进口'],
  'from.ne': ['from the north-east', '东北进口'],
  'from.e': ['from the east', '东进口'],
  'from.se': ['from the south-east', '东南进口'],
  'from.s': ['from the south', '南进口'],
  'from.sw': ['from the south-west', '西南进口'],
  'from.w': ['from the west', '西进口'],
  'from.nw': ['from the north-west', '西北进口'],
  'turn.s': ['straight on', '直行'],
  'turn.l': ['left', '左转'],
  'turn.r': ['right', '右转'],
  'turn.t': ['turning round', '掉头'],
  'turn.p': ['pedestrians crossing', '行人过街'],
  'movement.crossings': ['Crossings on foot', '行人过街横道'],
  'movement.uncounted': ['not counted', '不计数'],
  'movement.name': ['{from}, {turn}', '{from}{turn}'],
  'movement.other': ['another movement', '其他流向'],

  'lamp.green': ['green', '绿'],
  'lamp.amber': ['amber', '黄'],
  'lamp.red': ['red', '红'],
  'lamp.dark': ['dark', '熄'],

  'refusal.unknown_junction': ['no such junction', '没有该路口'],
  'refusal.not_controllable': ['the junction cannot be controlled', '该路口不可控'],
  'refusal.no_such_stage': ['no such stage', '没有该阶段'],
  'refusal.from_the_future': ['dated ahead of the city\'s time', '时间早于城市时间'],
  'refusal.too_old': ['too old', '指令过期'],
  'refusal.switched_off': ['the brain is switched off here', '此处大脑已关闭'],
  'refusal.changing': ['lamps were changing', '信号灯正在切换'],
  'refusal.min_green': ['minimum green not over', '最短绿灯未满'],
  'refusal.max_red': ['another movement had reached its maximum red', '其他流向已达最长红灯'],
  'refusal.fault': ['fault', '故障'],
  'refusal.stage': ['stage {n}', '阶段{n}'],
  'refusal.locked': [
    'somebody else has locked it: ask them to release it, wait for its end, or override',
    '他人已锁定：请其解除、等待到期，或强制执行',
  ],
  'refusal.one_junction_only': ['that is for one junction: open the junction and do it there', '仅限单个路口：请在路口面板中操作'],
  'refusal.not_advised': ['it is not under advice: choose Advice first', '该路口不在建议模式：请先选择建议模式'],
  'refusal.proposal_changed': ['the brain proposes something else by now: look again', '大脑的建议已变：请重新查看'],
  'refusal.stage_is_missing': ['choose the stage to hold', '请选择要保持的阶段'],
  'refusal.stage_is_out_of_place': ['a stage goes with holding or approving only', '仅保持或批准时可指定阶段'],
  'refusal.until_is_missing': ['an end is needed: choose until when', '必须有截止时间：请选择期限'],
  'refusal.until_is_too_far': [
    'too long: a stage is held an hour at most, flashing or a lock lasts a day at most',
    '时间过长：保持阶段最长1小时，黄闪或锁定最长1天',
  ],
  'refusal.unknown_area': ['no such area', '没有该区域'],
  'refusal.control_is_not_a_choice': ['that control cannot be chosen', '不可选择该控制方'],
  'refusal.library': ['the library does not answer; try again in a moment', '资料库无响应，请稍后重试'],
  'refusal.no_such_day': ['choose a date', '请选择日期'],
  'refusal.no_such_hour': ['choose an hour like 07:30', '请选择时刻，如07:30'],
  'refusal.end_before_begin': ['the end must be later than the begin', '结束须晚于开始'],
  'refusal.who_is_missing': ['write your name', '请填写姓名'],
  'refusal.why_is_missing': ['write the reason', '请填写理由'],
  'refusal.until_is_past': ['the end lies in the past: choose a later one', '截止时间已过：请选择更晚的时间'],

  'switch.title': ['Who controls', '控制权'],
  'switch.open': ['Control', '控制权'],
  'switch.here': ['Take control here', '接管此路口'],
  'switch.area': ['Area', '区域'],
  'switch.city': ['Whole city', '全城'],
  'switch.to': ['What shall happen', '操作'],
  'switch.stage': ['Stage to hold', '保持的阶段'],
  'switch.who': ['Your name', '姓名'],
  'switch.why': ['Reason', '理由'],
  'switch.until': ['Until', '期限'],
  'switch.lock': ['Lock: nobody else may change it until then', '锁定：截止前他人不可更改'],
  'switch.locked': ['locked', '已锁定'],
  'switch.force': ['Do it all the same, over the lock', '强制执行，解除他人锁定'],
  'switch.release': ['Release to: {control}', '交还给：{control}'],
  'switch.released': ['Released. It was: {why}', '已解除。原理由：{why}'],
  'switch.left': ['{time} left', '剩余{time}'],
  'switch.until.never': ['until further notice', '另行通知为止'],
  'switch.until.minutes': ['for {n} min', '{n}分钟'],
  'switch.until.hours': ['for {n} h', '{n}小时'],
  'switch.until.time': ['until {time}', '至{time}'],
  'switch.send': ['Send the command', '发送命令'],
  'switch.sending': ['Asking…', '正在请求…'],
  'switch.done': ['Done: {n} junctions changed.', '已完成：{n}个路口变更。'],
  'switch.done.one': ['Done: 1 junction changed.', '已完成：1个路口变更。'],
  'switch.left_out': ['Left out, because somebody has locked them: {n}.', '因他人锁定而未变更：{n}个。'],
  'switch.refused': ['Not done: {why}', '未执行：{why}'],
  'switch.waiting': ['Sent; the guard has not answered yet.', '已发送，守卫尚未答复。'],
  'switch.failed': ['It could not be sent: {why}', '无法发送：{why}'],
  'switch.log': ['Commands', '命令记录'],
  'switch.none': ['Nobody has commanded anything.', '尚无命令记录。'],
  'switch.line': ['{area}: {control}', '{area}：{control}'],
  'switch.by': ['{who}: {why}', '{who}：{why}'],
  'switch.count': ['{n} of {all} junctions under the brain', '{n}/{all}个路口由大脑控制'],
  'switch.asked': ['asked', '已请求'],

  'command.brain': ['Brain', '大脑'],
  'command.own_plan': ['Own plan', '自有方案'],
  'command.advised': ['Advice', '建议模式'],
  'command.hold': ['Hold a stage', '保持阶段'],
  'command.flash': ['Flash', '黄闪'],
  'command.brain.meaning': ['The brain chooses the stages, behind the guard.', '由大脑选择阶段，经守卫把关。'],
  'command.own_plan.meaning': ['The junctions run the plans that they had without the brain.', '路口按原有方案运行。'],
  'command.advised.meaning': [
    'Own plans run; the brain proposes, and what a person approves is carried out.',
    '按自有方案运行；大脑提出建议，经人员批准后执行。',
  ],
  'command.hold.meaning': [
    'One stage stays green, an hour at most. Everybody else waits: watch the queues.',
    '一个阶段保持绿灯，最长1小时。其他方向等待：请关注排队。',
  ],
  'command.flash.meaning': [
    'All lamps flash amber: nobody is given way. Only with officers on the spot.',
    '所有信号灯黄闪：无人获得优先通行。仅在现场有人指挥时使用。',
  ],
  'command.hold_stage': ['stage {n} held', '保持阶段{n}'],
  'command.approve_stage': ['proposal approved: stage {n}', '批准建议：阶段{n}'],

  'advice.proposes': ['The brain proposes stage {n}', '大脑建议阶段{n}'],
  'advice.approve': ['Approve stage {n}', '批准阶段{n}'],
  'advice.approved': ['The proposal is approved', '批准该建议'],

  'confirm.what': ['{place}: {command}?', '{place}：{command}？'],
  'confirm.force': ['Over somebody\'s lock, {place}: {command}?', '解除他人锁定，{place}：{command}？'],
  'confirm.yes': ['Yes, do it', '确认执行'],
  'confirm.no': ['No, leave it', '取消'],

  'report.open': ['Report of the day', '日报'],
  'report.title': ['Report of the day', '日报'],
  'report.failed': ['The report did not come: {why}', '日报加载失败：{why}'],
  'report.none': ['Nothing was scored on that day.', '当日没有评分记录。'],
  'report.truth': ['Simulated; figures of delay are simulation truth (sim.score).', '仿真；延误为仿真真值（sim.score）。'],
  'report.actuated': ['actuated control', '感应控制'],
  'report.own_plan': ['own plans', '自有方案'],
  'report.against': ['Against {against}', '对比{against}'],
  'report.gain': ['Saved', '节省'],
  'report.saved': ['of the delay saved', '延误节省'],
  'report.lost': ['more delay', '延误增加'],
  'report.delays': ['Mean delay {live} s against {other} s.', '平均延误{live}秒，对比{other}秒。'],
  'report.spread': ['Hours from {least} to {most}.', '各小时{least}至{most}。'],
  'report.bars': ['Mean delay by hour: left this city, right its shadow.', '每小时平均延误：左为本城，右为影子城市。'],
  'report.hour': ['Hour', '小时'],
  'report.halted': ['Standing (veh)', '停驶（辆）'],
  'report.arrived': ['Arrived (veh)', '到达（辆）'],
  'report.compared': ['Compared', '可比'],
  'report.control': ['Who decided, of the junctions\' time', '控制方（路口时间占比）'],
  'report.happened': ['What happened to control', '控制事件'],
  'report.silences': ['The brain fell silent', '大脑失联'],
  'report.times': ['{n}', '{n}次'],
  'report.times_at': ['{n} (junctions: {junctions})', '{n}次（路口：{junctions}）'],
  'report.signals': ['Signals, by detectors and lamps', '信号指标（检测器与信号灯）'],
  'report.cycles': ['Cycles', '周期数'],
  'report.notes': ['What this does not say', '说明'],
  'report.note.little': [
    'The brain decided only {share} of the time: what was gained or lost is not its doing alone.',
    '大脑仅控制{share}的时间：得失不全归于大脑。',
  ],
  'report.note.hours': [
    'The city was scored in {n} h of the day; hours are compared over the moments that both cities have.',
    '当日评分{n}小时；仅比较两城共有的时刻。',
  ],
  'report.note.no_shadow': [
    'No shadow city ran under {against}: nothing is said against it.',
    '没有{against}的影子城市，无法对比。',
  ],
  'report.note.one_day': [
    'One day is one draw: the spread over hours is not the spread over days.',
    '一天只是一次抽样：小时间差异不等于日间差异。',
  ],

  'ab.title': ['A/B days: brain against own plans', 'A/B日：大脑对比自有方案'],
  'ab.one': ['One pair of days says nothing of the spread.', '仅一对日期，无法说明离散程度。'],
  'ab.error': ['{n} pairs, standard error {error}.', '{n}对日期，标准误{error}。'],
  'ab.hours': ['Hours', '小时数'],
  'ab.meaning': [
    'The same weekday a week apart, at the same times of day; each day in one pair.',
    '相隔一周的同一星期日，取相同时刻；每天只入一对。',
  ],

  'events.title': ['Events', '事件'],
  'events.none': ['Nothing has happened yet.', '尚无事件。'],
  'event.rain': ['Rain', '降雨'],
  'event.stadium': ['Stadium evening', '赛事散场'],
  'event.breakdown': ['Breakdown', '车辆故障'],
  'event.day': ['Day', '日况'],
  'event.process': ['Process {name}', '进程 {name}'],
  'event.refusal': ['Order refused', '指令被拒'],
  'event.switch': ['Control', '控制权'],
  'process.started': ['started', '已启动'],
  'process.ready': ['ready', '就绪'],
  'process.stopped': ['stopped', '已停止'],
  'process.died': ['died', '异常退出'],
  'process.restarted': ['restarted', '已重启'],
} as const satisfies Record<string, readonly [string, string]>;

export type Word = keyof typeof WORDS;

const KEPT = 'citybrain.language';
const calls = new Set<() => void>();
let chosen: Language = begin();

function begin(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function language(): Language {
  return chosen;
}

/** BCP 47 tag of the chosen language, for dates and numbers. */
export function locale(): string {
  return chosen === 'zh' ? 'zh-CN' : 'en-GB';
}

export function setLanguage(next: Language): void {
  chosen = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  calls.forEach((call) => call());
}

export function onLanguage(call: () => void): () => void {
  calls.add(call);
  return () => calls.delete(call);
}

/** A text in the chosen language. */
export function say(word: Word, values: Record<string, string | number> = {}): string {
  const text: string = WORDS[word][chosen === 'zh' ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** A text by a key that comes from data; the raw words where there is none. */
export function sayOf(prefix: string, key: string, values: Record<string, string | number> = {}): string {
  const word = `${prefix}.${key}`;
  return word in WORDS ? say(word as Word, values) : key;
}

/** A name that the data carry in both languages. */
export function named(names: { name_en: string; name_zh: string }): string {
  return chosen === 'zh' ? names.name_zh : names.name_en;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
