## `kumi names`: every program finds members by name.

cmd-names = どのプログラムからもメンバーを名前(NAME.GROUP.kumi)で見つけられるようにする(またはやめる)
    .long =
        ノードは、.kumi で終わる名前についての DNS の問い合わせに、プライベート
        ネットワークの中のアドレスで答えます。systemd-resolved が動いていれば、ノードが
        自分で知らせるので、ほかにすることはありません。そうでない場合は
        `kumi names on` が C ライブラリにモジュールを加えます。/etc/resolv.conf には
        決して触れません。
    .examples =
        sudo kumi names on    ssh ada.lab.kumi や curl http://ada.lab.kumi/
        kumi names status     いま名前がどのように見つかるか
        sudo kumi names off   元どおりにする

cmd-names-on = どのプログラムからもメンバーを名前で見つけられるようにする
    .long =
        libnss_kumi.so.2 を C ライブラリと同じ場所に置き、/etc/nsswitch.conf の hosts の
        行で、ネットワークに尋ねるものの前に "kumi" を加えます。.kumi で終わる名前は
        ノードだけに尋ねます。動いているプログラムは起動し直す必要があるかもしれません。
    .examples =
        kumi names on         root で。その後 ssh ada.lab.kumi
        sudo kumi names on    root でないとき

cmd-names-off = `kumi names on` がしたことを元に戻す
    .long = /etc/nsswitch.conf から "kumi" を取り除き(ほかのバイトはそのまま)、libnss_kumi.so.2 を消します。
    .examples =
        kumi names off         root で。元どおりにする
        sudo kumi names off    root でないとき

cmd-names-status = いま名前がどのように見つかるかを表示する
    .examples =
        kumi names status           人のために
        kumi names status --json    プログラムのために

names-on = { $file } は、.kumi で終わる名前をこのマシンのノードに尋ねます。
names-off = { $file } は、名前をこのマシンのノードに尋ねなくなりました。
names-work = プログラムからメンバーを名前で見つけられます: ssh NAME.GROUP.kumi
names-no-node = プログラムからメンバーを名前で見つけられません。このアカウントから尋ねられるノードが動いていません。`kumi up` で起動してください。
names-inside-only = プライベートネットワークは名前空間の中にあります。メンバーを名前で見つけられるのは、その中だけです: `kumi run -- ssh NAME.GROUP.kumi`
names-no-network = プログラムからメンバーを名前で見つけられません。ノードにネットワークインターフェースがありません。理由は `kumi check` で分かります。
names-fail = { "/etc/nsswitch.conf" } の設定はありますが、プログラムからメンバーを名前で見つけられません。libnss_kumi.so.2 はありますか。このバージョンのものですか。
names-not-yet = プログラムからメンバーを名前で見つけられません。`sudo kumi names on` で見つけられるようになります。
names-label-switch = nsswitch.conf の設定
names-label-module = モジュール
names-label-resolved = systemd-resolved の状態
names-label-responder = レスポンダ
names-switch-on = オン: { $file } にモジュールの名前があります
names-switch-off = オフ
names-switch-none = { $file } が読めないか、リンクです
names-module-current = { $file }
names-module-other = { $file }(別のバージョン。`sudo kumi names on` で置き換わります)
names-module-missing = インストールされていません
names-module-none = このビルドには、このマシンの C ライブラリ用のモジュールがありません
names-resolved-runs = 動いています(ノードが自分で知らせます)
names-resolved-not = 動いていません

error-names-root = 名前の見つけ方を変えられるのは root だけです。
    .why = { "/etc/nsswitch.conf" } はマシンのすべてのプログラムに効きます。
    .fix = sudo kumi names on を使ってください。root でなくても `kumi run -- ssh NAME.GROUP.kumi` なら名前が見つかります。
error-names-no-file = { "/etc/nsswitch.conf" } がありません。
    .why = このマシンの C ライブラリは別の方法で名前を尋ね、そのためのモジュールがありません。
    .fix = systemd-resolved か `kumi run` を使うか、fc00::53 に DNS で尋ねてください。
error-names-link = { "/etc/nsswitch.conf" } はリンクなので、触れませんでした。
    .why = { $to } を指しています。ほかのプログラムが書くファイルなので、変更は元に戻されます。
    .fix = そのプログラムで、hosts の行の "dns" の前に "kumi [!UNAVAIL=return]" を加えてください(authselect なら独自のプロファイル)。
error-names-unreadable = { "/etc/nsswitch.conf" } が読めません。
    .why = { $detail }
    .fix = 内容を確かめてからやり直してください。何も変更していません。
error-names-no-line = { "/etc/nsswitch.conf" } に hosts の行がありません。
    .why = 行がないときの順番は C ライブラリが決めていて、kumi が選ぶものではありません。
    .fix = "hosts: files dns" という行を加えてからやり直してください。
error-names-lines = { "/etc/nsswitch.conf" } に hosts の行が複数あります。
    .why = 効くのは1行だけで、どの行かがはっきりしません。
    .fix = 1行だけ残してからやり直してください。
error-names-no-module = この kumi のビルドには、このマシンの C ライブラリ用のモジュールがありません。
    .why = モジュールは glibc 用です。このプログラムは別のライブラリ用にビルドされたか、ライブラリを使っていません。
    .fix = systemd-resolved か `kumi run` を使うか、fc00::53 に DNS で尋ねてください。
error-names-remove = { $file } を削除できません。
    .why = { $detail }
    .fix = 手で削除してください。もうどのプログラムも使いません。
