## サインイン: 機器だけでなく、人も。

cmd-login = 必要とするグループのために、この機器でサインインする
    .long =
        グループは、機器に加えて人も求めることができます。そのようなグループには、このノードは誰かが
        ここでサインインしている間だけ入っています。パスワードは表示せずに尋ね、管理サーバとの
        セッションの中でそのサーバにだけ送ります。終わる前にもう一度サインインすれば、途切れずに
        続きます。誰がどこでサインインできるかは、サーバの `kumi gms user add` が決めます。
    .examples =
        kumi login ada                         「ada」のパスワードを尋ねる
        kumi login                             サインインしている人が、さらに続ける
        kumi login ada --password-file pass    パスワードはファイルの最初の行
        kumi login ada --group pay             複数のサーバのグループが求めるとき

cmd-logout = この機器でサインアウトする
    .long =
        このノードは、サインインを求めるグループから直ちに外れ、サーバがほかのメンバーに知らせます。
        サーバと連絡が取れないときは、取れたときに知らせます。
    .examples =
        kumi logout                サインインしている人
        kumi logout --group pay    このグループのサーバでだけ

cmd-gms-user = 誰がどこでサインインするかを決める
    .long =
        利用者は人です。サインインを求めるグループ(`kumi group sign-in`)では、機器は、その利用者の
        誰かがサインインしている間だけメンバーです。サーバはパスワードを保管せず、照合に使う値
        (Argon2id)だけを封じて保管します。
    .examples =
        kumi gms user add ada --on ada-laptop     パスワードを2回尋ねる
        kumi gms user set ada --disable           直ちにどこからも外れる
        kumi gms user list                        誰がどこでできるか、誰がしているか

cmd-gms-user-add = 利用者を作る
    .long = パスワードは 8 バイト以上で、表示せずに2回尋ねます。--on がなければ、まだどこでもサインインできません。
    .examples =
        kumi gms user add ada --on ada-laptop                        機器1台
        kumi gms user add ada --on ada-laptop --on hall              2台
        kumi gms user add ada --on ada-laptop --password-file pass   パスワードをファイルから読む

cmd-gms-user-list = 利用者を表示する
    .examples =
        kumi gms user list           人が読む形
        kumi gms user list --json    プログラム用に

cmd-gms-user-set = 利用者がどこでサインインできるか、そもそもできるかを決める
    .long = --on を付けると、これらのメンバーの機器でだけサインインできます。もう許されない機器でサインインしていれば、誰に対しても直ちに外れます。
    .examples =
        kumi gms user set ada --on new-laptop    そこでだけ
        kumi gms user set ada --disable          どこでもできない
        kumi gms user set ada --enable           再び前のとおり

cmd-gms-user-password = 利用者のパスワードを新しくする
    .long = その利用者はどこでもサインインしていない状態になり、新しいパスワードでサインインします。
    .examples =
        kumi gms user password ada                         2回尋ねる
        kumi gms user password ada --password-file pass    ファイルから読む

cmd-gms-user-remove = 利用者をなくす
    .examples = kumi gms user remove ada    直ちにどこからも外れる

cmd-group-sign-in = 一度のサインインでメンバーがグループにいられる時間を決める
    .long =
        以後メンバーは、その機器で利用者がサインインしている間だけグループに入り、一度のサインインは
        この時間だけ有効です。誰もサインインしていない機器は、人の使わない機器も含めて直ちに
        外れます。そのような機器は `kumi login --password-file` でサインインします。
    .examples =
        kumi group sign-in pay 12h    1日に1回
        kumi group sign-in pay 30d    30 日に少なくとも1回
        kumi group sign-in pay off    再び機器だけで足りる

arg-user = 利用者の名前
arg-sign-in = 一度のサインインが有効な時間(12h など、30d まで)、または off
opt-user-on = 利用者がサインインできる機器のメンバー。何度でも指定できる
opt-user-password-file = パスワードをこのファイルの最初の行から読む
opt-sign-in-group = 複数のサーバのグループがサインインを求めるとき、目的のサーバのグループ
opt-sign-in = メンバーは、その機器で利用者がサインインしている間だけグループに入る。一度のサインインはこの時間(12h など)有効
opt-disable = 利用者はどこでもサインインできない
opt-enable = 利用者は前にできたところで再びサインインできる
expected-sign-in = 12h や 30d のような時間(1 分から 30 日)、または off

label-sign-in = サインイン
password-ask = { $user } のパスワード:
password-new = { $user } の新しいパスワード:
password-again = もう一度:
login-done = { $user } は { $until } までサインインしています({ $left })。
login-needless = { $user } はサインインしましたが、このノードのグループはもうサインインを求めていません。
logout-done = サインアウトしました。このノードは、サインインを求めるグループから外れました。
logout-untold = サインアウトしました。このノードは、サインインを求めるグループから外れました。管理サーバと連絡が取れないので、取れたときに知らせ、サーバがほかのメンバーに知らせます。
sign-in-holds = { $group }: { $user }、{ $until } まで({ $left })
sign-in-waits = { $group }: サインインを待っています: kumi login NAME
join-group-waits = { $groups } を使うにはサインインしてください: kumi login NAME
group-sign-in-on = { $groups } では、メンバーは利用者がサインインしている間だけメンバーです。一度のサインインは { $period } 有効です。利用者: kumi gms user add NAME --on MEMBER
group-sign-in-off = { $groups } はサインインを求めません。機器だけで足ります。
groups-sign-in = サインイン
gms-user = 利用者
gms-user-on = できる機器
gms-user-signed-in = している機器
gms-user-failures = 失敗
gms-user-disabled = 停止中
gms-users-none = 利用者はいません。作るには: kumi gms user add NAME --on MEMBER
gms-user-added = { $user } は { $devices } でサインインできます。
gms-user-added-nowhere = { $user } を作りました。まだどこでもサインインできません: kumi gms user set { $user } --on MEMBER
gms-user-changed = { $user } を変えました。
gms-user-password = { $user } のパスワードは新しくなり、どこでもサインインしていません。
gms-user-removed = { $user } をなくしました。どこでもサインインしていません。
notice-sign-in-needed = { $groups } には誰もサインインしていないので、このノードはまだ入っていません。サインインするには: kumi login NAME
notice-sign-in-ending = { $groups } のサインインはまもなく終わります。途切れずに続けるには: kumi login
why-not-signed-in = このノードは、誰かがここでサインインしている間だけ { $group } に入りますが、誰もサインインしていません: kumi login NAME

error-password-needed = パスワードが必要ですが、尋ねる相手がいません。
    .why = 端末がありません。
    .fix = --password-file FILE で渡してください。
error-password-differs = 2つのパスワードが違います。
    .why = どちらかを打ち間違えました。
    .fix = 何も変わっていません。もう一度試してください。
error-user-password-length = パスワードが短すぎるか、長すぎます。
    .why = 長さは { $least }～{ $most } バイトです。
    .fix = 別のものを選んでください。いくつかの単語を並べると覚えやすくなります。
error-user-set = 利用者について何も指定されていません。
    .why = `kumi gms user set` は、利用者がどこでサインインできるか、そもそもできるかを変えます。
    .fix = --on MEMBER、--disable、--enable のどれかを付けてください。
api-sign-in-refused = { $user } はサインインしていません。
    .why = パスワードが違うか、そのような利用者がいないか、この機器ではサインインできません。どれであるかをサーバは言いません。
    .fix = もう一度試してください。何度か失敗すると、そのたびに長く待つことになります。管理する人は `kumi gms log` で理由を確かめ、パスワードを新しくできます: `kumi gms user password { $user }`。
api-sign-in-later = いまはここでサインインできません。
    .why = 前に失敗したか、管理サーバの処理が立て込んでいます。
    .fix = { $after_s } 秒後に、もう一度試してください。
api-sign-in-server = { $waited_s ->
        [0] 管理サーバ { $server } と連絡が取れません。
       *[other] 管理サーバ { $server } は { $waited_s } 秒以内に答えませんでした。
    }
    .why = サインインさせることができるのはサーバだけです。サインインしている人は、その終わりまでそのままです。
    .fix = `kumi group list` と `kumi ping { $server }` で、このノードから届くことを確かめてから、もう一度試してください。
api-sign-in-wrong = { $problem ->
        [no-group] このノードのグループは、サインインを求めていません。
        [not-this-group] グループ「{ $group }」は、このノードでサインインを求めていません。
        [several] 複数のサーバのグループがサインインを求めています。
        [no-user] 誰がサインインするのか指定されていません。
        [signing-out] 前の人がサインアウトしたことを、サーバはまだ知りません。
       *[other] 誰もサインインしていません。
    }
    .why = { $problem ->
        [no-group] 入っているグループには、機器だけで足ります。
        [not-this-group] このノードは入っていないか、機器だけで足ります。
        [several] パスワードはそれぞれのサーバにだけ送ります: { $groups }。
        [no-user] ここでは、まだ誰もサインインしたことがありません。
        [signing-out] 知らせましたが、まだ答えがありません。
       *[other] すでに終わったか、誰もサインインしていません。
    }
    .fix = { $problem ->
        [no-group] することはありません。`kumi group list` でグループを確かめられます。
        [not-this-group] `kumi group list` で、求めているグループを確かめてください。
        [several] グループを1つ指定してください: kumi login NAME --group GROUP
        [no-user] 利用者を指定してください: kumi login NAME
        [signing-out] 数秒後に、もう一度試してください。
       *[other] することはありません。
    }
